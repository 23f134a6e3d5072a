-- Up Migration
-- A revision names a state only within one history of the database. A lineage begins with each history: the first start,
-- a restore, a promoted standby. PostgreSQL's system identifier, timeline and database tell which history this is.
create table lineages (
  id text primary key,
  begun_at timestamptz not null default clock_timestamp(),
  -- the state at its beginning
  revision bigint not null,
  head bytea not null,
  -- where PostgreSQL was then
  place text not null
);

alter table state_head add column lineage text not null default '', add column place text not null default '';

-- What an edge held and this database's history does not contain, as the edge signed it.
create table edge_witnesses (
  url text not null,
  lineage text not null,
  revision bigint not null,
  head text not null,
  seen_at timestamptz not null default clock_timestamp(),
  primary key (url, lineage, revision, head)
);

alter table edge_targets add column lineage text, add column head text;

create function history_place() returns text language sql volatile security definer set search_path = public, pg_temp as $$
  select (select system_identifier from pg_control_system())::text
    || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
    || '.' || (select oid from pg_database where datname = current_database())::text
$$;

-- The hash of the newest audit row at a revision, in hex. It stands for everything up to there.
create function head_at(at_revision bigint) returns text language sql stable as $$
  select coalesce(
    (select encode(hash, 'hex') from rollback_audit where revision <= at_revision order by seq desc limit 1), '')
$$;

-- Before each new revision: is this still the history that the lineage was begun for? And a change is acknowledged once a
-- synchronous standby has it, where there is one, whatever a login's own setting is.
create function begin_lineage() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  here text := history_place();
begin
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if new.place is distinct from here or new.lineage = '' then
    new.place := here;
    new.lineage := left(replace(gen_random_uuid()::text, '-', ''), 16);
    insert into lineages (id, revision, head, place) values (new.lineage, old.revision, old.audit_hash, here);
  end if;
  return new;
end
$$;

create trigger state_head_lineage before update on state_head
  for each row execute function begin_lineage();

-- For a process that reads: begins the lineage of a history in which nothing has changed yet. `rewound` begins one in the
-- same place: edges know a history that this database had and lost without a trace, as a copied disk does.
create function note_lineage(rewound boolean default false) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  head state_head;
begin
  select * into head from state_head;
  if rewound or head.place is distinct from history_place() then
    update state_head set place = case when rewound then '' else place end returning * into head;
  end if;
  return head.lineage;
end
$$;
revoke execute on function note_lineage(boolean) from public;
do $$
begin
  if exists (select from pg_roles where rolname = 'sluice_service') then
    revoke insert, update, delete on lineages from sluice_service;
    grant execute on function note_lineage(boolean) to sluice_service;
  end if;
end
$$;
-- Older databases without that role work as the migrating role, which owns the function.

-- As in migration 0014, with the history of the revision. A change that is too long for a notification is announced by its
-- closes alone.
create or replace function announce_states() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  change jsonb;
  closes jsonb;
begin
  select jsonb_build_object(
    'revision', new.revision, 'since', new.revision - 1, 'full', false,
    'lineage', h.lineage, 'head', encode(h.audit_hash, 'hex'),
    'sinceHead', (select encode(prev_hash, 'hex') from rollback_audit where revision = new.revision order by seq limit 1),
    'features', coalesce((
      select jsonb_agg(full_feature_state(f)) from feature_flags f where f.revision = new.revision), '[]'),
    'removed', coalesce((
      select jsonb_agg(feature_id) from feature_tombstones where revision = new.revision), '[]')
  ) into change from state_head h;
  if octet_length(change::text) >= 8000 then
    select coalesce(jsonb_agg(jsonb_build_object('featureId', feature_id, 'epoch', epoch, 'version', version)), '[]')
    into closes
    from (
      select feature_id, epoch, version from feature_flags where revision = new.revision and not enabled
      union all
      select feature_id, epoch, version from feature_tombstones where revision = new.revision
    ) closed;
    change := change || jsonb_build_object('since', new.revision, 'features', '[]'::jsonb, 'removed', '[]'::jsonb,
      'closes', closes) - 'sinceHead';
  end if;
  if octet_length(change::text) < 8000 then
    perform pg_notify('sluice_states', change::text);
  end if;
  return null;
end
$$;
