// Rollback, enable and rollout of one feature, and the rollback of everything with a tag. Each needs a reason.
import { Hono, type Context } from "hono";
import { z } from "zod";
import { ok } from "../../shared/result.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { changeProblem } from "./change-problem.ts";
import { answerFeature } from "./feature-answers.ts";
import { EnableBody, Reason, RollbackBody, RolloutBody } from "./feature-document.ts";
import { ACTOR, readBody, readFeatureId, readPrecondition } from "./read-request.ts";

const TagRollbackBody = z.strictObject({ tag: z.string().min(1).max(64), reason: Reason });

/** A change may name the version that it is about; an emergency rollback need not. */
const readChangeRequest = async <T>(context: Context, schema: z.ZodType<T>) => {
  const id = readFeatureId(context);
  if (!id.ok) return id;
  const precondition = readPrecondition(context, { required: false });
  if (!precondition.ok) return precondition;
  const body = await readBody(context, schema);
  return body.ok ? ok({ target: { featureId: id.value, ...precondition.value }, body: body.value }) : body;
};

export const makeRolloutRoutes = (options: {
  features: Pick<FeatureReads, "getFeature">;
  changes: Pick<FeatureChanges, "rollbackFeature" | "rollbackTag" | "enableFeature" | "setRollout">;
}): Hono => {
  const { features, changes } = options;
  const app = new Hono();

  app.post("/features/:featureId/rollback", async (context) => {
    const request = await readChangeRequest(context, RollbackBody);
    if (!request.ok) return request.error;
    const { target, body } = request.value;
    const changed = await changes.rollbackFeature(target, { actor: ACTOR, reason: body.reason });
    return changed.ok
      ? answerFeature(context, features, target.featureId)
      : changeProblem(context, changed.error);
  });

  app.post("/features/:featureId/enable", async (context) => {
    const request = await readChangeRequest(context, EnableBody);
    if (!request.ok) return request.error;
    const { target, body } = request.value;
    const { reason, ...shares } = body;
    const changed = await changes.enableFeature(target, shares, { actor: ACTOR, reason });
    return changed.ok
      ? answerFeature(context, features, target.featureId)
      : changeProblem(context, changed.error);
  });

  app.post("/features/:featureId/rollout", async (context) => {
    const request = await readChangeRequest(context, RolloutBody);
    if (!request.ok) return request.error;
    const { target, body } = request.value;
    const { reason, ...shares } = body;
    const changed = await changes.setRollout(target, shares, { actor: ACTOR, reason });
    return changed.ok
      ? answerFeature(context, features, target.featureId)
      : changeProblem(context, changed.error);
  });

  app.post("/rollback", async (context) => {
    const body = await readBody(context, TagRollbackBody);
    if (!body.ok) return body.error;
    const { tag, reason } = body.value;
    const changed = await changes.rollbackTag(tag, { actor: ACTOR, reason });
    if (!changed.ok) return changeProblem(context, changed.error);
    const { revision = null, features: closed = [] } = changed.value ?? {};
    return context.json({ revision, features: closed });
  });

  return app;
};
