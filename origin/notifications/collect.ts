// Announces what the audit and the evaluations have. Changes and decisions write nothing for this, so news can hold up neither.
import { z } from "zod";
import { inTransaction, type Pool, type Queryable } from "../db/pool.ts";
import { announceAll } from "./announce.ts";
import { newsOfChange, newsOfEvaluation, TestCounts, withoutGaps } from "./news-of.ts";

const PAGE = 500;
/** An id that is missing for so long, in seconds, is nobody's: the statement that took it has failed. */
const GAP_S = 30;

const Change = z.object({
  seq: z.number(),
  at: z.date(),
  actor: z.string(),
  action: z.string(),
  featureId: z.string(),
  reason: z.string(),
  revision: z.number(),
  isNewTrial: z.boolean(),
  tests: z.array(TestCounts).nullable(),
  cause: z.array(z.string()).nullable(),
});

/** Whole commits only: what was changed together is told together. */
const readChanges = async (db: Queryable, after: number) => {
  const { rows } = await db.query(
    `select seq, at, actor, action, feature_id as "featureId", reason, revision,
            coalesce((details ->> 'newTrial')::boolean, false) as "isNewTrial",
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
  tests: z.array(TestCounts).nullable(),
  cause: z.array(z.string()).nullable(),
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

const hasMore = async (db: Queryable): Promise<boolean> => {
  const { rows } = await db.query<{ more: boolean }>(
    `select head.audit_seq > s.audit_seq
         or exists (select from pmf_evaluations e where e.id > s.evaluation_id) as more
     from announcement_sources s, state_head head`,
  );
  return rows[0]?.more === true;
};

/** The number of announcements; 0 when there is nothing new, or another process is at it. */
export const collectNews = async (pool: Pool): Promise<number> => {
  if (!(await hasMore(pool))) return 0;
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ audit_seq: number; evaluation_id: number }>(
      "select audit_seq, evaluation_id from announcement_sources for update skip locked",
    );
    const source = rows[0];
    if (source === undefined) return 0;
    const changes = await readChanges(client, source.audit_seq);
    const evaluations = withoutGaps(
      await readEvaluations(client, source.evaluation_id),
      source.evaluation_id,
    );
    const news = [...changes.flatMap(newsOfChange), ...evaluations.flatMap(newsOfEvaluation)];
    await client.query("update announcement_sources set audit_seq = $1, evaluation_id = $2", [
      changes.at(-1)?.seq ?? source.audit_seq,
      evaluations.at(-1)?.id ?? source.evaluation_id,
    ]);
    return announceAll(client, news);
  });
};
