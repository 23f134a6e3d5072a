// Rollback, enable, rollout and a new trial of one feature, and the rollback of everything with a tag. Each needs a reason.
import { Hono, type Context } from "hono";
import { z } from "zod";
import { ok, type Result } from "../../shared/result.ts";
import type { ChangeError } from "../features/change-error.ts";
import type { Attribution, FeatureChanges } from "../features/change-feature.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { Target } from "../features/prepare-change.ts";
import { changeProblem } from "./change-problem.ts";
import { answerFeature, findFeature } from "./feature-answers.ts";
import { EnableBody, Reason, RollbackBody, RolloutBody } from "./feature-document.ts";
import { ACTOR, readBody, readFeatureId, readPrecondition } from "./read-request.ts";

const TagRollbackBody = z.strictObject({ tag: z.string().min(1).max(64), reason: Reason });

type Reads = Pick<FeatureReads, "getFeature">;

/** A change may name the version that it is about. An emergency rollback need not, and then reads nothing first. */
const readTarget = async (context: Context, features: Reads): Promise<Result<Target, Response>> => {
  if (context.req.header("if-match") === undefined) {
    const id = readFeatureId(context);
    return id.ok ? ok({ featureId: id.value }) : id;
  }
  const record = await findFeature(context, features);
  if (!record.ok) return record;
  const { featureId, version } = record.value.state;
  const precondition = readPrecondition(context, { version, required: false });
  return precondition.ok ? ok({ featureId, ...precondition.value }) : precondition;
};

const readChangeRequest = async <T>(context: Context, features: Reads, schema: z.ZodType<T>) => {
  const target = await readTarget(context, features);
  if (!target.ok) return target;
  const body = await readBody(context, schema);
  return body.ok ? ok({ target: target.value, body: body.value }) : body;
};

export const makeRolloutRoutes = (options: {
  features: Reads;
  changes: Pick<
    FeatureChanges,
    "rollbackFeature" | "rollbackTag" | "enableFeature" | "setRollout" | "restartTrial"
  >;
}): Hono => {
  const { features, changes } = options;
  const app = new Hono();

  const addRoute = <T extends { reason: string }>(
    action: "rollback" | "enable" | "rollout" | "trial",
    schema: z.ZodType<T>,
    change: (target: Target, body: T, by: Attribution) => Promise<Result<unknown, ChangeError>>,
  ): void => {
    app.post(`/features/:featureId/${action}`, async (context) => {
      const request = await readChangeRequest(context, features, schema);
      if (!request.ok) return request.error;
      const { target, body } = request.value;
      const changed = await change(target, body, { actor: ACTOR, reason: body.reason });
      return changed.ok
        ? answerFeature(context, features, target.featureId)
        : changeProblem(context, changed.error);
    });
  };
  addRoute("rollback", RollbackBody, (target, _body, by) => changes.rollbackFeature(target, by));
  addRoute("enable", EnableBody, (target, shares, by) => changes.enableFeature(target, shares, by));
  addRoute("rollout", RolloutBody, (target, shares, by) => changes.setRollout(target, shares, by));

  addRoute("trial", RollbackBody, (target, _body, by) => changes.restartTrial(target, by));

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
