-- Up Migration
-- How many partitions the span log has, in the main database. An origin fixes it when the installation first starts
-- (origin/span-log/fix-partitions.ts); null: none has yet.
alter table aggregate_database add column partitions smallint;

-- An origin of a version before knows four partitions and would count units under those. It may do so where there are four, whose
-- numbers begin with 0; elsewhere it cannot own a partition.
create function refuse_folds_of_four_partitions() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  if new.partition > 3 and coalesce(current_setting('sluice.knows_partitions', true), '') <> 'on' then
    raise exception 'the span log has another number of partitions than four: an origin of an older version cannot fold here, update it';
  end if;
  return new;
end;
$$;
create trigger folds_of_four_partitions before update on fold_partitions
  for each row execute function refuse_folds_of_four_partitions();
