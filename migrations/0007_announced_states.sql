-- Up Migration
-- What a revision changed travels with its notification, so that a pusher whose edge has the revision before need not
-- ask for it. A notification holds less than 8000 bytes: what is longer is read from the tables.
create function announce_states() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  change text;
begin
  select jsonb_build_object(
    'revision', new.revision, 'since', new.revision - 1, 'full', false,
    'features', coalesce((
      select jsonb_agg(jsonb_build_object(
        'featureId', f.feature_id, 'enabled', f.enabled, 'rolloutBps', f.rollout_bps, 'holdoutBps', f.holdout_bps,
        'epoch', f.epoch, 'version', f.version, 'failureMode', f.failure_mode, 'targeting', f.targeting,
        'routes', f.routes, 'gate', f.gate, 'activation', f.activation))
      from feature_flags f where f.revision = new.revision), '[]'),
    'removed', coalesce((
      select jsonb_agg(feature_id) from feature_tombstones where revision = new.revision), '[]')
  ) into change;
  if octet_length(change) < 8000 then
    perform pg_notify('sluice_states', change);
  end if;
  return null;
end
$$;

create trigger outbox_announce_states after insert on outbox
  for each row when (new.topic = 'state') execute function announce_states();
