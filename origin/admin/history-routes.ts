// What happened: a feature's evaluations and signals, and the audit of every change.
import { Hono } from "hono";
import { z } from "zod";
import { FeatureId } from "../../shared/ids.ts";
import type { HistoryReads } from "../db/history-reads.ts";
import type { Pool, Queryable } from "../db/pool.ts";
import { getFeature, listAudit } from "../features/read-features.ts";
import { readLookedAt } from "../evaluate/looks.ts";
import { readBotRequests } from "../evaluate/read-bot-requests.ts";
import { changeProblem, readFeatureId, readQuery } from "./requests.ts";

const limit = z.coerce.number().int().min(1).max(500).default(50);
const before = z.coerce.number().int().positive().optional();
const EvaluationQuery = z.object({ limit, before });
const AuditQuery = z.object({ limit, before, featureId: FeatureId.optional() });

/** Newest first; `before` is the id of the last row of the page before. */
const listEvaluations = async (db: Queryable, featureId: string, page: z.infer<typeof EvaluationQuery>) => {
  const { rows } = await db.query<{ id: number }>(
    `select id, at, epoch, rule_version as "ruleVersion", mode, action, state, decision
     from pmf_evaluations
     where feature_id = $1 and ($2::bigint is null or id < $2)
     order by id desc limit $3`,
    [featureId, page.before ?? null, page.limit + 1],
  );
  const items = rows.slice(0, page.limit);
  return { evaluations: items, next: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
};

/** Units of the current epoch by cohort: exposed so far, whatever their age. */
const countExposed = async (pool: Pool, featureId: string, epoch: number) => {
  const { rows } = await pool.query<{ cohort: "treatment" | "holdout"; exposed: number }>(
    `select cohort, sum(units)::bigint as exposed
     from outcome_counts
     where feature_id = $1 and epoch = $2 and signal = 'exposure'
     group by cohort`,
    [featureId, epoch],
  );
  const exposed = { treatment: 0, holdout: 0 };
  for (const row of rows) exposed[row.cohort] = row.exposed;
  return { treatment: { exposed: exposed.treatment }, holdout: { exposed: exposed.holdout } };
};

export const makeHistoryRoutes = ({ pool, history }: { pool: Pool; history: HistoryReads }): Hono => {
  const app = new Hono();

  app.get("/features/:featureId/evaluations", async (context) => {
    const query = readQuery(context, EvaluationQuery);
    if (!query.ok) return query.error;
    const id = readFeatureId(context);
    if (!id.ok) return id.error;
    if ((await getFeature(pool, id.value)) === null) {
      return changeProblem(context, { reason: "notFound", featureId: id.value });
    }
    return context.json(await history((db) => listEvaluations(db, id.value, query.value)));
  });

  app.get("/features/:featureId/signals", async (context) => {
    const id = readFeatureId(context);
    if (!id.ok) return id.error;
    const featureId = id.value;
    const record = await getFeature(pool, featureId);
    if (record === null) return changeProblem(context, { reason: "notFound", featureId });
    const { epoch } = record.state;
    const cohorts = await countExposed(pool, featureId, epoch);
    const botRequests = (await readBotRequests(pool, [{ featureId, epoch }])).get(featureId) ?? 0;
    const { evaluations } = await listEvaluations(pool, featureId, { limit: 1, before: undefined });
    // Rows are stored when something has changed; `checkedAt` is the last look, with or without one.
    const checkedAt = await readLookedAt(pool, featureId);
    return context.json({
      featureId,
      epoch,
      cohorts,
      botRequests,
      checkedAt,
      latest: evaluations[0] ?? null,
    });
  });

  app.get("/audit", async (context) => {
    const query = readQuery(context, AuditQuery);
    if (!query.ok) return query.error;
    const page = await history((db) => listAudit(db, query.value));
    return context.json({ entries: page.items, next: page.next });
  });

  return app;
};
