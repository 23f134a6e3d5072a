-- Up Migration
-- What is known of units becomes append-only: a row for each change of a unit, in runs that get their index when they
-- are full. A new unit then costs one row at the end of a table instead of two places somewhere in two indexes.
drop view feature_exposures, user_actions, user_retention;
alter table feature_units rename to feature_units_before;

-- Rows are written by the owner of `partition` into its newest run.
create table unit_runs (
  run integer generated always as identity primary key,
  partition smallint not null,
  -- which units are in it (origin/aggregate/units/unit-filter.ts); null while rows are still added
  filter bytea
);
alter table unit_runs alter column filter set storage external;

-- What was known of a unit after a batch that changed it: a unit's state is the earliest of each of its times, and its
-- cohort the highest. A partition of it is a run: unit_evidence_<run>, indexed by unit_key.
create table unit_evidence (
  run integer not null,
  -- 64-bit hash of (feature, epoch, unit)
  unit_key bigint not null,
  feature_id text not null,
  epoch integer not null,
  unit_id text not null,
  -- 0 treatment (assumed: no span named the variant), 1 treatment, 2 holdout; from 0 it becomes one of the others
  cohort smallint not null,
  first_exposed_at timestamptz not null,
  first_action_at timestamptz,
  returned_at timestamptz
) partition by list (run);

do $$
begin
  if exists (select from feature_units_before) then
    insert into unit_runs (partition) select generate_series(0, 3);
    for n in 1..4 loop
      execute format('create table unit_evidence_%s partition of unit_evidence for values in (%s)', n, n);
      -- A key's partition is the rest of its lower half.
      execute format(
        'insert into unit_evidence select %s, unit_key, feature_id, epoch, unit_id, cohort, first_exposed_at,
           first_action_at, returned_at from feature_units_before where unit_key & 3 = %s', n, n - 1);
    end loop;
  end if;
end
$$;
drop table feature_units_before;

create view feature_units as
select feature_id, epoch, unit_id, max(cohort) as cohort, min(first_exposed_at) as first_exposed_at,
  min(first_action_at) as first_action_at, min(returned_at) as returned_at
from unit_evidence
group by feature_id, epoch, unit_id;

create view feature_exposures as
select feature_id, epoch, unit_id as user_id,
  case cohort when 2 then 'holdout' else 'treatment' end as cohort, first_exposed_at as exposed_at
from feature_units;

create view user_actions as
select feature_id, epoch, unit_id as user_id, true as action_taken, first_action_at as acted_at
from feature_units where first_action_at is not null;

create view user_retention as
select feature_id, epoch, unit_id as user_id, returned_at is not null as returned, returned_at,
  coalesce(returned_at <= first_exposed_at + interval '7 days', false) as returned_within_7d
from feature_units;

-- Runs are made by the service, which only the owner may.
do $$
declare
  partition_name text;
begin
  if not exists (select from pg_roles where rolname = 'sluice_service') then
    return;
  end if;
  alter table unit_evidence owner to sluice_service;
  for partition_name in
    select inhrelid::regclass::text from pg_inherits where inhparent = 'unit_evidence'::regclass
  loop
    execute format('alter table %s owner to sluice_service', partition_name);
  end loop;
  grant select, insert, update, delete on unit_runs, feature_units, feature_exposures, user_actions, user_retention
    to sluice_service;
end
$$;
