-- Up Migration
-- An evaluator of a version before partitions moved looks for the counts of all partitions together. Where they are kept by partition it
-- would find nobody, and store that it has counted everybody up to now: it fails instead, and says why. An evaluator that knows of
-- partitions always stores what it has missed.
create function refuse_evidence_of_all_partitions() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  if (select by_partition from aggregate_database) then
    raise exception 'this database keeps its counts by partition: an origin of an older version cannot evaluate here, update it';
  end if;
  return new;
end;
$$;
create trigger begun_of_all_partitions before insert on pmf_trials
  for each row when (not (new.evidence ? 'missed')) execute function refuse_evidence_of_all_partitions();
create trigger evidence_of_all_partitions before update of evidence on pmf_trials
  for each row when (not (new.evidence ? 'missed')) execute function refuse_evidence_of_all_partitions();
