// Features and their rules: what exists, what it has to achieve, and every change of both.
import { Hono, type Context } from "hono";
import { z } from "zod";
import { FeatureState } from "../../shared/features/feature.ts";
import { Bps, FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { Rule } from "../../shared/features/rule.ts";
import type { Pool } from "../db/pool.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import { newFeature } from "../features/new-feature.ts";
import { getFeature, getRule, listFeatures } from "../features/read-features.ts";
import type { FeatureRecord } from "../features/feature-record.ts";
import { changeProblem, etagOf, readBody, readFeatureId, readPrecondition, readQuery } from "./requests.ts";
import { problem } from "./problem.ts";

const edge = FeatureState.shape;
const Reason = z.string().trim().min(1, "must not be empty").max(2_000);

/** What a person may set; a field that is not named keeps its value (or, in a new feature, its default). */
const Editable = z.strictObject({
  rolloutBps: Bps.optional(),
  holdoutBps: Bps.optional(),
  failureMode: edge.failureMode.unwrap().optional(),
  targeting: edge.targeting.unwrap().optional(),
  routes: edge.routes.unwrap().optional(),
  gate: edge.gate.unwrap().optional(),
  activation: edge.activation.unwrap().optional(),
  tags: z.array(z.string().min(1).max(64)).max(32).optional(),
  requires: z.array(FeatureId).max(32).optional(),
  reason: Reason.optional(),
});
const NewFeatureBody = Editable.extend({ featureId: FeatureId, enabled: z.boolean().optional() });

const RolloutBody = z.strictObject({ rolloutBps: Bps, reason: Reason });
const EnableBody = z.strictObject({ rolloutBps: Bps.optional(), reason: Reason });
const RollbackBody = z.strictObject({ reason: Reason });

const Paging = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  after: z.string().optional(),
  tag: z.string().optional(),
});

/** The document of the admin API. */
const documentOf = ({ state, ...record }: FeatureRecord) => ({ ...state, ...record });

/** An edit without the fields that the service keeps, which may be sent back as they were read but not changed. */
const withoutReadOnlyFields = (json: unknown, record: FeatureRecord): unknown => {
  if (typeof json !== "object" || json === null) return json;
  const kept: Record<string, unknown> = JSON.parse(JSON.stringify(documentOf(record)));
  return Object.fromEntries(
    Object.entries(json).filter(
      ([name, value]) => name in Editable.shape || JSON.stringify(value) !== JSON.stringify(kept[name]),
    ),
  );
};

const withDefaultId = (featureId: FeatureId) => (json: unknown) =>
  typeof json === "object" && json !== null && !("featureId" in json) ? { featureId, ...json } : json;

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
const dropUndefined = <T extends object>(given: T): Given<T> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the filter is what makes it true
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given<T>;

export const makeFeatureRoutes = ({ pool, changes }: { pool: Pool; changes: FeatureChanges }): Hono => {
  const app = new Hono();
  const actor = "admin";

  /** The feature of the path, or the answer that says why not. */
  const find = async (context: Context): Promise<Result<FeatureRecord, Response>> => {
    const id = readFeatureId(context);
    if (!id.ok) return id;
    const record = await getFeature(pool, id.value);
    return record === null
      ? err(changeProblem(context, { reason: "notFound", featureId: id.value }))
      : ok(record);
  };

  /** The feature's document as it is after a change. */
  const answer = async (context: Context, featureId: FeatureId, status: 200 | 201 = 200) => {
    const record = await getFeature(pool, featureId);
    if (record === null) return changeProblem(context, { reason: "notFound", featureId });
    context.header("etag", etagOf(record.state.version));
    return context.json(documentOf(record), status);
  };

  app.get("/features", async (context) => {
    const query = readQuery(context, Paging);
    if (!query.ok) return query.error;
    const page = await listFeatures(pool, query.value);
    return context.json({ features: page.items.map(documentOf), next: page.next });
  });

  app.post("/features", async (context) => {
    const body = await readBody(context, NewFeatureBody);
    if (!body.ok) return body.error;
    const { reason = "created", featureId, ...given } = body.value;
    const done = await changes.createFeature(newFeature({ ...dropUndefined(given), featureId }), {
      actor,
      reason,
    });
    if (!done.ok) return changeProblem(context, done.error);
    context.header("location", `/admin/v1/features/${encodeURIComponent(featureId)}`);
    return answer(context, featureId, 201);
  });

  app.get("/features/:featureId", async (context) => {
    const id = readFeatureId(context);
    return id.ok ? answer(context, id.value) : id.error;
  });

  app.put("/features/:featureId", async (context) => {
    const record = await find(context);
    if (!record.ok) return record.error;
    const precondition = readPrecondition(context, { required: true });
    if (!precondition.ok) return precondition.error;
    const body = await readBody(
      context,
      z.preprocess((json) => withoutReadOnlyFields(json, record.value), Editable),
    );
    if (!body.ok) return body.error;
    const { reason = "edited", ...edit } = body.value;
    const { featureId } = record.value.state;
    const done = await changes.updateFeature({ featureId, ...precondition.value }, dropUndefined(edit), {
      actor,
      reason,
    });
    return done.ok ? answer(context, featureId) : changeProblem(context, done.error);
  });

  app.delete("/features/:featureId", async (context) => {
    const id = readFeatureId(context);
    if (!id.ok) return id.error;
    const precondition = readPrecondition(context, { required: true });
    if (!precondition.ok) return precondition.error;
    const by = { actor, reason: context.req.query("reason") ?? "deleted" };
    const done = await changes.deleteFeature({ featureId: id.value, ...precondition.value }, by);
    return done.ok ? context.body(null, 204) : changeProblem(context, done.error);
  });

  app.get("/features/:featureId/rule", async (context) => {
    const record = await find(context);
    if (!record.ok) return record.error;
    const stored = await getRule(pool, record.value.state.featureId);
    if (stored === null) {
      return problem(context, { status: 404, title: "Not Found", detail: "the feature has no rule yet" });
    }
    context.header("etag", etagOf(record.value.state.version));
    return context.json(stored.rule);
  });

  app.put("/features/:featureId/rule", async (context) => {
    const record = await find(context);
    if (!record.ok) return record.error;
    const { featureId } = record.value.state;
    // A first rule overwrites nothing, so it needs no precondition.
    const precondition = readPrecondition(context, { required: record.value.ruleVersion !== null });
    if (!precondition.ok) return precondition.error;
    const ownRule = Rule.refine((rule) => rule.featureId === featureId, {
      path: ["featureId"],
      message: `must be ${featureId}, as in the path`,
    });
    const body = await readBody(context, z.preprocess(withDefaultId(featureId), ownRule));
    if (!body.ok) return body.error;
    const by = { actor, reason: context.req.query("reason") ?? "rule set" };
    const done = await changes.putRule({ featureId, ...precondition.value }, body.value, by);
    if (!done.ok) return changeProblem(context, done.error);
    context.header("etag", etagOf(done.value.version));
    return context.json(body.value, record.value.ruleVersion === null ? 201 : 200);
  });

  app.post("/features/:featureId/rollback", async (context) => {
    const read = await readChangeRequest(context, RollbackBody);
    if (!read.ok) return read.error;
    const { target, body } = read.value;
    const done = await changes.rollbackFeature(target, { actor, reason: body.reason });
    return done.ok ? answer(context, target.featureId) : changeProblem(context, done.error);
  });

  app.post("/features/:featureId/enable", async (context) => {
    const read = await readChangeRequest(context, EnableBody);
    if (!read.ok) return read.error;
    const { target, body } = read.value;
    const done = await changes.enableFeature(target, body.rolloutBps, { actor, reason: body.reason });
    return done.ok ? answer(context, target.featureId) : changeProblem(context, done.error);
  });

  app.post("/features/:featureId/rollout", async (context) => {
    const read = await readChangeRequest(context, RolloutBody);
    if (!read.ok) return read.error;
    const { target, body } = read.value;
    const done = await changes.setRollout(target, body.rolloutBps, { actor, reason: body.reason });
    return done.ok ? answer(context, target.featureId) : changeProblem(context, done.error);
  });

  /** An action may name the version that it is about; an emergency rollback need not. */
  const readChangeRequest = async <T>(context: Context, schema: z.ZodType<T>) => {
    const id = readFeatureId(context);
    if (!id.ok) return id;
    const precondition = readPrecondition(context, { required: false });
    if (!precondition.ok) return precondition;
    const body = await readBody(context, schema);
    return body.ok ? ok({ target: { featureId: id.value, ...precondition.value }, body: body.value }) : body;
  };

  return app;
};
