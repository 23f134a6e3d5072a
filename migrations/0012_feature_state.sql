-- Up Migration
-- A feature as the edge gets it. Pushes, notifications and the admin API all build it here. It is one expression and
-- stable, so PostgreSQL puts it into the calling query and it costs no call.
create function feature_state(f feature_flags) returns jsonb language sql stable parallel safe as $$
  select jsonb_build_object(
    'featureId', f.feature_id, 'enabled', f.enabled, 'rolloutBps', f.rollout_bps, 'holdoutBps', f.holdout_bps,
    'epoch', f.epoch, 'version', f.version, 'failureMode', f.failure_mode, 'targeting', f.targeting,
    'routes', f.routes, 'gate', f.gate, 'activation', f.activation)
$$;

create or replace function announce_states() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  change text;
begin
  select jsonb_build_object(
    'revision', new.revision, 'since', new.revision - 1, 'full', false,
    'features', coalesce((
      select jsonb_agg(feature_state(f)) from feature_flags f where f.revision = new.revision), '[]'),
    'removed', coalesce((
      select jsonb_agg(feature_id) from feature_tombstones where revision = new.revision), '[]')
  ) into change;
  if octet_length(change) < 8000 then
    perform pg_notify('sluice_states', change);
  end if;
  return null;
end
$$;
