-- Up Migration
-- Changes of features that are carried out at a time.
create table schedules (
  seq bigint generated always as identity primary key,
  schedule_id text not null unique,
  -- under which the change is committed once, also when a process dies in the middle
  change_id uuid not null unique default gen_random_uuid(),
  version integer not null default 1,
  feature_id text not null,
  change jsonb not null,
  -- the feature's version when the schedule was made: a later rollback wins
  base_version integer not null,
  at timestamptz not null,
  -- as it was given
  local_time text not null,
  zone text not null,
  -- later than this after its time it is skipped
  grace_seconds integer not null check (grace_seconds between 0 and 2592000),
  reason text not null,
  made_by text not null,
  made_at timestamptz not null default clock_timestamp(),
  -- who approved it, or that it was forced; null: nobody had to
  permission jsonb,
  state text not null default 'planned'
    check (state in ('planned', 'done', 'skipped', 'failed', 'cancelled')),
  -- until then one process carries it out
  leased_until timestamptz,
  attempts integer not null default 0,
  last_error text,
  finished_at timestamptz,
  finished_by text,
  -- one sentence
  note text,
  outcome jsonb
);
create index schedules_due on schedules (at, seq) where state = 'planned';
create index schedules_feature on schedules (feature_id, at);

create function announce_schedule() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  insert into operator_events (kind, document) values ('schedule', jsonb_build_object(
    'scheduleId', new.schedule_id, 'state', new.state, 'featureId', new.feature_id, 'change', new.change ->> 'kind',
    'dueAt', new.at, 'madeBy', new.made_by, 'reason', new.reason, 'note', new.note));
  return null;
end
$$;
create trigger schedules_made after insert on schedules
  for each row execute function announce_schedule();
create trigger schedules_finished after update of state on schedules
  for each row when (old.state is distinct from new.state) execute function announce_schedule();

-- Down Migration
drop table schedules;
drop function announce_schedule();
