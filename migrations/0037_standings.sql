-- Up Migration
-- How each feature stands by its newest evaluation, in few values: what a list of a thousand features is sorted by, and the course of
-- the score. A trigger writes it, so that an origin that does not know the table keeps it right too.
create table pmf_standings (
  -- Refers to no feature: that would lock features while evaluations are stored, and changes of them would wait.
  feature_id text primary key,
  epoch integer not null,
  evaluation_id bigint not null,
  state text not null,
  -- Exposed units of both cohorts.
  exposed bigint not null,
  -- The part of the way to the next decision that is done, from 0 to 1.
  nearness double precision not null,
  -- Of the epoch's last 24 evaluations that have one, the newest last.
  scores double precision[] not null default '{}'
) with (fillfactor = 50);

-- The part of the way to its bar that evidence has come, of logarithms. Evidence that refutes outright is stored as null.
create function evidence_progress(evidence jsonb) returns double precision
language sql immutable
begin atomic
  select case when (evidence ->> 'logBar')::float8 > 0
    then greatest(0, least(1, coalesce((evidence ->> 'logEvidence')::float8, 0) / (evidence ->> 'logBar')::float8)) else 0 end;
end;

-- Beside a holdout two bars have to be reached: the one that is behind counts.
create function test_progress(test jsonb) returns double precision
language sql immutable
begin atomic
  select case when jsonb_typeof(test -> 'comparison') = 'object'
    then least(evidence_progress(test), evidence_progress(test -> 'comparison')) else evidence_progress(test) end;
end;

-- To a rollback one signal is enough, to be kept each has to be proven. Of a kept feature it is the way to an alarm.
create function decision_nearness(decision jsonb) returns double precision
language sql immutable
begin atomic
  select coalesce(case
    when decision ->> 'state' = 'ROLLBACK' then 1
    when decision ->> 'state' in ('KEEP', 'WATCH') then
      (select max(test_progress(t -> 'alarm')) from jsonb_array_elements(decision #> '{evidence,tests}') t
       where jsonb_typeof(t -> 'alarm') = 'object')
    else greatest(
      (select max(test_progress(t)) from jsonb_array_elements(decision #> '{evidence,tests}') t),
      (select min(evidence_progress(k)) from jsonb_array_elements(decision #> '{evidence,keep}') k))
  end, 0);
end;

create function note_standing() returns trigger
language plpgsql
as $$
declare
  score double precision := (new.decision ->> 'score')::float8;
begin
  insert into pmf_standings as s (feature_id, epoch, evaluation_id, state, exposed, nearness, scores)
  values (new.feature_id, new.epoch, new.id, new.state,
    coalesce((new.decision #>> '{details,exposed,treatment}')::float8, 0)
      + coalesce((new.decision #>> '{details,exposed,holdout}')::float8, 0),
    decision_nearness(new.decision), array_remove(array[score], null))
  on conflict (feature_id) do update set
    epoch = excluded.epoch, evaluation_id = excluded.evaluation_id, state = excluded.state, exposed = excluded.exposed,
    nearness = excluded.nearness,
    scores = case when s.epoch = excluded.epoch
      then (s.scores || excluded.scores)[greatest(1, cardinality(s.scores || excluded.scores) - 23):]
      else excluded.scores end
  where s.evaluation_id < excluded.evaluation_id;
  return null;
end
$$;
create trigger pmf_evaluations_standing after insert on pmf_evaluations for each row execute function note_standing();

insert into pmf_standings (feature_id, epoch, evaluation_id, state, exposed, nearness, scores)
select f.feature_id, e.epoch, e.id, e.state,
  coalesce((e.decision #>> '{details,exposed,treatment}')::float8, 0)
    + coalesce((e.decision #>> '{details,exposed,holdout}')::float8, 0),
  decision_nearness(e.decision),
  array(
    select score from (
      select p.id, (p.decision ->> 'score')::float8 as score from pmf_evaluations p
      where p.feature_id = f.feature_id and p.epoch = e.epoch order by p.id desc limit 24
    ) recent where score is not null order by id
  )
from feature_flags f cross join lateral (
  select * from pmf_evaluations p where p.feature_id = f.feature_id order by p.id desc limit 1
) e;

-- Down Migration
drop trigger pmf_evaluations_standing on pmf_evaluations;
drop function note_standing();
drop table pmf_standings;
drop function decision_nearness(jsonb);
drop function test_progress(jsonb);
drop function evidence_progress(jsonb);
