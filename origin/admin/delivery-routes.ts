// What came of a change after its commit: how far each edge is, what keeps failing, the receipt of a rollback; and
// the audit's own check.
import { Hono } from "hono";
import { z } from "zod";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import type { Pool } from "../db/pool.ts";
import { readReceipt, signReceipt } from "../delivery/rollback-receipt.ts";
import { readDeadLetters, readEdges } from "../delivery/edges/edge-status.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import { getFeature, listAudit } from "../features/read-features.ts";
import { verifyAudit } from "../features/audit/verify-audit.ts";
import { changeProblem, readBody, readFeatureId, readQuery } from "./requests.ts";
import { problem } from "./problem.ts";

const row = z.coerce.number().int().positive().optional();
const TagRollback = z.strictObject({
  tag: z.string().min(1).max(64),
  reason: z.string().trim().min(1, "must not be empty").max(2_000),
});

export const makeDeliveryRoutes = (options: {
  pool: Pool;
  changes: Pick<FeatureChanges, "rollbackTag">;
  /** Signs receipts; without keys there are none. */
  keys: KeyRing | undefined;
  now: () => number;
}): Hono => {
  const { pool, changes, keys, now } = options;
  const app = new Hono();

  app.get("/edges", async (context) => context.json(await readEdges(pool)));

  app.get("/dead-letters", async (context) =>
    context.json({ deadLetters: await readDeadLetters(pool, 500) }),
  );

  app.get("/audit/verify", async (context) => {
    const range = readQuery(context, z.object({ from: row, to: row }));
    return range.ok ? context.json(await verifyAudit(pool, range.value)) : range.error;
  });

  app.post("/rollback", async (context) => {
    const body = await readBody(context, TagRollback);
    if (!body.ok) return body.error;
    const { tag, reason } = body.value;
    const done = await changes.rollbackTag(tag, { actor: "admin", reason });
    if (!done.ok) return changeProblem(context, done.error);
    return context.json({ revision: done.value?.revision ?? null, features: done.value?.features ?? [] });
  });

  app.get("/features/:featureId/receipt", async (context) => {
    const id = readFeatureId(context);
    if (!id.ok) return id.error;
    const featureId = id.value;
    const none = (detail: string) => problem(context, { status: 404, title: "Not Found", detail });
    if ((await getFeature(pool, featureId)) === null)
      return changeProblem(context, { reason: "notFound", featureId });
    const [rollback] = (await listAudit(pool, { limit: 1, featureId, kind: "rollback" })).items;
    if (rollback === undefined) return none("the feature was never rolled back");
    if (keys === undefined) return none("receipts are signed with PUSH_KEYS, which is not set");
    context.header("content-disposition", `attachment; filename="rollback-${rollback.revision}.json"`);
    return context.json(signReceipt(await readReceipt(pool, featureId, rollback), keys, now()));
  });

  return app;
};
