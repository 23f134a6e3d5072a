-- Up Migration
-- How far operator events (approvals, schedules) and deliveries to hooks are announced. An origin that does not know the columns
-- leaves them as they are, and a newer one announces what came meanwhile.
alter table announcement_sources
  add column operator_event_id bigint not null default 0,
  add column hook_delivery_id bigint not null default 0;
update announcement_sources set
  operator_event_id = (select coalesce(max(id), 0) from operator_events),
  hook_delivery_id = (select coalesce(max(id), 0) from hook_deliveries);

-- Down Migration
alter table announcement_sources drop column operator_event_id, drop column hook_delivery_id;
