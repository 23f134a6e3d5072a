-- Up Migration
-- Whether an edge has ever signed an answer: from then on an answer without a signature is not the edge's.
alter table edge_targets add column signs_answers boolean not null default false;

-- An edge that says that it is ahead moves the revision, so what it says has a bound: whoever answers in its place must
-- not be able to use the numbers up.
create or replace function raise_revision(above bigint) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  head bigint;
begin
  select revision into head from state_head for update;
  if above > head + 1000000 then
    raise exception 'revision % is more than 1000000 above %: not raised', above, head using errcode = 'SL003';
  end if;
  update state_head set revision = above + 1, base = above + 1 where revision <= above;
end
$$;
