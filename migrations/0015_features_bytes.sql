-- Up Migration
-- The states of all features travel to the edges together, so there is a bound on their sum. It is checked when a feature
-- grows, and never when it closes.
create function features_limit() returns bigint language sql immutable as $$
  -- Far above what a thousand rich features need (some 5 MB), and below what the edge's stores take as one value.
  select 12 * 1024 * 1024::bigint
$$;

-- The fields that can be long, and room for the others.
create function feature_bytes(f feature_flags) returns integer language sql stable as $$
  select 400 + octet_length(concat(f.targeting, f.routes, f.gate, f.activation))
$$;

alter table state_head add column features_bytes bigint not null default 0;
update state_head set features_bytes = (select coalesce(sum(feature_bytes(f)), 0) from feature_flags f);

create function count_features_bytes() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  grown bigint := 0;
  total bigint;
begin
  if tg_op <> 'DELETE' then
    grown := feature_bytes(new);
  end if;
  if tg_op <> 'INSERT' then
    grown := grown - feature_bytes(old);
  end if;
  update state_head set features_bytes = features_bytes + grown returning features_bytes into total;
  if grown > 0 and total > features_limit() then
    raise exception 'all features together would have % bytes, and % are allowed', total, features_limit()
      using errcode = 'SL002', detail = jsonb_build_object('bytes', total, 'limit', features_limit())::text;
  end if;
  return null;
end
$$;

create trigger feature_flags_bytes after insert or delete on feature_flags
  for each row execute function count_features_bytes();
-- A rollback changes none of these, so nothing is measured for it.
create trigger feature_flags_bytes_changed after update on feature_flags
  for each row when (
    old.targeting is distinct from new.targeting or old.routes is distinct from new.routes
    or old.gate is distinct from new.gate or old.activation is distinct from new.activation
  )
  execute function count_features_bytes();
