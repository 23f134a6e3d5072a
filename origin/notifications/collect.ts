// Announces what the audit, the evaluations, the operator events and the deliveries to hooks have. Whatever they are about writes
// nothing for this, so news can hold up none of it.
import { z } from "zod";
import { inTransaction, type Pool, type Queryable } from "../db/pool.ts";
import { announceAll } from "./announce.ts";
import { AlertResults, newsOfHookDelivery, newsOfOperatorEvent } from "./news-of-operators.ts";
import { newsOfChange, newsOfEvaluation, TestCounts, withoutGaps } from "./news-of.ts";

const PAGE = 500;
/** An id that is missing for so long, in seconds, is nobody's: the statement that took it has failed. */
const GAP_S = 30;

/** In a form that this version does not know, nothing of it is told; the news itself is. */
const Evidence = {
  tests: z.array(TestCounts).nullable().catch(null),
  cause: z.array(z.string()).nullable().catch(null),
};

const Change = z.object({
  seq: z.number(),
  at: z.date(),
  actor: z.string(),
  action: z.string(),
  featureId: z.string(),
  reason: z.string(),
  revision: z.number(),
  isNewTrial: z.boolean().nullable(),
  /** Of a deleted feature, which has no row to read them from. */
  tags: z.array(z.string()).nullable(),
  ...Evidence,
});

/** Whole commits only: what was changed together is told together. */
const readChanges = async (db: Queryable, after: number) => {
  const { rows } = await db.query(
    `select seq, at, actor, action, feature_id as "featureId", reason, revision,
            details -> 'newTrial' = 'true' as "isNewTrial",
            case when action = 'delete' and jsonb_typeof(details -> 'tags') = 'array'
                 then array(select jsonb_array_elements_text(details -> 'tags')) end as tags,
            details #> '{evidence,evidence,tests}' as tests, details #> '{evidence,cause}' as cause
     from rollback_audit
     where seq > $1 and revision <= coalesce(
       (select revision from rollback_audit where seq > $1 order by seq offset $2 limit 1), 9223372036854775807)
     order by seq limit 10000`,
    [after, PAGE],
  );
  return rows.map((row) => Change.parse(row));
};

const Evaluation = z.object({
  id: z.number(),
  at: z.date(),
  isSettled: z.boolean(),
  featureId: z.string(),
  mode: z.string(),
  state: z.string(),
  stateBefore: z.string().nullable(),
  reason: z.string(),
  ...Evidence,
});

const readEvaluations = async (db: Queryable, after: number) => {
  const { rows } = await db.query(
    `select e.id, e.at, e.at < clock_timestamp() - $3 * interval '1 second' as "isSettled",
            e.feature_id as "featureId", e.mode, e.state, before.state as "stateBefore",
            coalesce(e.decision ->> 'reason', '') as reason,
            e.decision #> '{evidence,tests}' as tests, e.decision -> 'cause' as cause
     from pmf_evaluations e left join lateral (
       select p.state, p.epoch from pmf_evaluations p
       where p.feature_id = e.feature_id and p.id < e.id order by p.id desc limit 1
     ) before on before.epoch = e.epoch
     where e.id > $1 order by e.id limit $2`,
    [after, PAGE, GAP_S],
  );
  return rows.map((row) => Evaluation.parse(row));
};

const OperatorEvent = z.object({
  id: z.number(),
  at: z.date(),
  isSettled: z.boolean(),
  kind: z.string(),
  document: z.unknown(),
});

const readOperatorEvents = async (db: Queryable, after: number) => {
  const { rows } = await db.query(
    `select id, at, at < clock_timestamp() - $3 * interval '1 second' as "isSettled", kind, document
     from operator_events where id > $1 order by id limit $2`,
    [after, PAGE, GAP_S],
  );
  return rows.map((row) => OperatorEvent.parse(row));
};

const HookDelivery = z.object({
  id: z.number(),
  at: z.date(),
  isSettled: z.boolean(),
  hook: z.string(),
  alerts: AlertResults.catch([]),
});

const readHookDeliveries = async (db: Queryable, after: number) => {
  const { rows } = await db.query(
    `select id, at, at < clock_timestamp() - $3 * interval '1 second' as "isSettled", hook, alerts
     from hook_deliveries where id > $1 order by id limit $2`,
    [after, PAGE, GAP_S],
  );
  return rows.map((row) => HookDelivery.parse(row));
};

const hasMore = async (db: Queryable): Promise<boolean> => {
  const { rows } = await db.query<{ more: boolean }>(
    `select head.audit_seq > s.audit_seq
         or exists (select from pmf_evaluations e where e.id > s.evaluation_id)
         or exists (select from operator_events o where o.id > s.operator_event_id)
         or exists (select from hook_deliveries d where d.id > s.hook_delivery_id) as more
     from announcement_sources s, state_head head`,
  );
  return rows[0]?.more === true;
};

/** How far each source is announced. */
type Places = {
  readonly audit: number;
  readonly evaluation: number;
  readonly operatorEvent: number;
  readonly hookDelivery: number;
};

/** The number of announcements; 0 when there is nothing new, or another process is at it. */
export const collectNews = async (pool: Pool): Promise<number> => {
  if (!(await hasMore(pool))) return 0;
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<Places>(
      `select audit_seq as audit, evaluation_id as evaluation, operator_event_id as "operatorEvent",
              hook_delivery_id as "hookDelivery"
       from announcement_sources for update skip locked`,
    );
    const from = rows[0];
    if (from === undefined) return 0;
    const changes = await readChanges(client, from.audit);
    const evaluations = withoutGaps(await readEvaluations(client, from.evaluation), from.evaluation);
    const events = withoutGaps(await readOperatorEvents(client, from.operatorEvent), from.operatorEvent);
    const deliveries = withoutGaps(await readHookDeliveries(client, from.hookDelivery), from.hookDelivery);
    const news = [
      ...changes.flatMap(newsOfChange),
      ...evaluations.flatMap(newsOfEvaluation),
      ...events.flatMap(newsOfOperatorEvent),
      ...deliveries.flatMap(newsOfHookDelivery),
    ];
    await client.query(
      `update announcement_sources
       set audit_seq = $1, evaluation_id = $2, operator_event_id = $3, hook_delivery_id = $4`,
      [
        changes.at(-1)?.seq ?? from.audit,
        evaluations.at(-1)?.id ?? from.evaluation,
        events.at(-1)?.id ?? from.operatorEvent,
        deliveries.at(-1)?.id ?? from.hookDelivery,
      ],
    );
    return announceAll(client, news);
  });
};
