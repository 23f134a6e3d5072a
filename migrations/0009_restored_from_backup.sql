-- Up Migration
-- A database that was restored from a backup may hold anything else than what edges saw under the revisions that it
-- gives out again: after it was raised above them, whoever knows an older revision needs everything.
alter table state_head add column base bigint not null default 0;

create or replace function raise_revision(above bigint) returns void
language sql security definer set search_path = public, pg_temp as $$
  update state_head set revision = above + 1, base = above + 1 where revision <= above
$$;
