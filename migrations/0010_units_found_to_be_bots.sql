-- Up Migration
-- A unit that a captcha finds to be a bot is taken out of what was counted: its cohort becomes 3, above all others, and
-- the views show it no more.
create or replace view feature_units as
select feature_id, epoch, unit_id, max(cohort) as cohort, min(first_exposed_at) as first_exposed_at,
  min(first_action_at) as first_action_at, min(returned_at) as returned_at
from unit_evidence
group by feature_id, epoch, unit_id
having max(cohort) < 3;
