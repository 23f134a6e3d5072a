-- Up Migration
-- Telemetry that the fold cannot count. A feature whose records make a batch fail is set aside, so that the others are counted;
-- its records are kept here, and counted when that is possible again. Feature '' stands for rows of the log that cannot be
-- read.
create table fold_quarantine (
  feature_id text not null,
  epoch integer not null,
  -- of the log; each partition's owner sets aside and counts for itself
  partition smallint not null,
  since timestamptz not null default now(),
  error text not null,
  primary key (feature_id, epoch, partition)
);

create table fold_set_aside (
  id bigint generated always as identity primary key,
  feature_id text not null,
  epoch integer not null,
  partition smallint not null,
  -- when the log took it
  at timestamptz not null,
  records integer not null,
  span_keys bytea not null,
  block bytea not null
);
alter table fold_set_aside alter column span_keys set storage external, alter column block set storage external;
create index fold_set_aside_feature on fold_set_aside (feature_id, epoch, partition, id);

do $$
begin
  if exists (select from pg_roles where rolname = 'sluice_service') then
    grant select, insert, update, delete on fold_quarantine, fold_set_aside to sluice_service;
    grant usage on all sequences in schema public to sluice_service;
  end if;
end
$$;
