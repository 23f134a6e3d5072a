-- Up Migration
-- What the service has written as evidence it may not write again: evaluations, confirmations of edges, what edges witnessed, and
-- events of operators. Rows are added; only confirmations go, when nobody can ask for their receipt any more.
do $$
begin
  if exists (select from pg_roles where rolname = 'sluice_service') then
    revoke update, delete on pmf_evaluations, edge_witnesses, operator_events from sluice_service;
    revoke update on edge_receipts from sluice_service;
  end if;
end
$$;

-- As origin/delivery/outbox/prune.ts has it: 7 days, and 400 of a rollback's.
create function refuse_early_deletion() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if old.confirmed_at > clock_timestamp() - interval '7 days'
    or old.confirmed_at > clock_timestamp() - interval '400 days'
      and exists (select from rollback_audit a where a.revision = old.revision and a.action = 'rollback') then
    raise exception 'the confirmation of revision % by % is kept for its receipt', old.revision, old.edge_url
      using errcode = 'insufficient_privilege';
  end if;
  return old;
end
$$;
create trigger edge_receipts_kept before delete on edge_receipts
  for each row execute function refuse_early_deletion();
