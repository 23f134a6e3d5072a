-- Up Migration
-- Units are stored under pseudonyms. Each epoch has one key for all its life: with another one, or with ids as they come,
-- the same unit would count as two.

-- Keys that units were named with.
create table pseudonym_keys (
  kid text primary key,
  -- tells a key from another of its name, and does not tell the key
  fingerprint text not null,
  -- of the key that is kept here, where PSEUDONYM_KEYS names none
  secret text,
  made_at timestamptz not null default clock_timestamp()
);

create table epoch_pseudonyms (
  feature_id text not null,
  epoch integer not null,
  -- null: its units are stored by their ids
  kid text references pseudonym_keys,
  primary key (feature_id, epoch)
);

-- Epochs that began before this time keep ids. After an upgrade that is an hour ahead: as long as an origin of before runs
-- beside, it stores ids.
create table pseudonyms_begin (
  only_row boolean primary key default true check (only_row),
  at timestamptz not null
);
insert into pseudonyms_begin (at)
select now() + case when exists (select from state_head where revision > 0) then interval '1 hour' else interval '0' end;

insert into epoch_pseudonyms (feature_id, epoch)
select feature_id, generate_series(1, epoch) from feature_flags
union all
select feature_id, generate_series(1, epoch) from feature_tombstones;

do $$
begin
  if exists (select from pg_roles where rolname = 'sluice_service') then
    grant select, insert on pseudonym_keys to sluice_service;
    grant select, insert, delete on epoch_pseudonyms to sluice_service;
    grant select on pseudonyms_begin to sluice_service;
    revoke update, delete on pseudonym_keys, pseudonyms_begin from sluice_service;
    revoke insert on pseudonyms_begin from sluice_service;
    revoke update on epoch_pseudonyms from sluice_service;
  end if;
end
$$;
