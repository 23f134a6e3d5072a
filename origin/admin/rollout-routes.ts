// Rollback, enable, rollout, ramp and a new trial of one feature, and the rollback of everything with a tag. Each needs a reason.
import { z } from "@hono/zod-openapi";
import { ok, type Result } from "../../shared/result.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { Target } from "../features/prepare-change.ts";
import type { ProposedChange } from "../features/proposed-change.ts";
import type { Principal } from "../access/principal.ts";
import { changeProblem } from "./change-problem.ts";
import {
  EnableBody,
  FeatureDocument,
  FeatureParams,
  Reason,
  RollbackBody,
  RolloutBody,
} from "./documents/feature.ts";
import { answerFeature, findFeature, findOwnFeature } from "./feature-answers.ts";
import type { AdminApp, AdminContext } from "./admin-context.ts";
import { addOperation, type Output } from "./operation.ts";
import { mayChange, tagProblem } from "./permission.ts";
import { readPrecondition } from "./read-request.ts";
import { Force, waits, type SubmitChange } from "./submit-change.ts";

const RampBody = z.strictObject({ paused: z.boolean(), reason: Reason });
const RampDocument = z.object({
  featureId: z.string(),
  paused: z.boolean(),
  version: z
    .number()
    .int()
    .openapi({ description: "Of the feature: a step that was decided before comes too late." }),
  revision: z.number().int(),
});
const TagRollbackBody = z.strictObject({ tag: z.string().min(1).max(64), reason: Reason });
const TagRollbackDocument = z.object({
  revision: z.number().int().nullable().openapi({ description: "null: nothing with the tag was open." }),
  features: z.array(z.object({ featureId: z.string(), version: z.number().int() })),
});

const DependentsDocument = z
  .object({
    featureId: z.string(),
    requires: z.array(z.object({ featureId: z.string(), enabled: z.boolean() })),
    requiredBy: z
      .array(
        z.object({
          featureId: z.string(),
          enabled: z.boolean().openapi({ description: "Those that are open close with the feature." }),
          rolloutBps: z.number().int(),
          directly: z.boolean().openapi({ description: "false: it requires one that requires the feature." }),
        }),
      )
      .openapi({ description: "The nearest first." }),
  })
  .openapi("Dependents");

type Reads = Pick<FeatureReads, "getFeature">;
type ChangeRequest = {
  readonly context: AdminContext;
  readonly principal: Principal;
  readonly params: { readonly featureId: FeatureId };
};

/** A change may name the version that it is about. An emergency rollback need not, and then reads nothing first. */
const readTarget = async (request: ChangeRequest, features: Reads): Promise<Result<Target, Response>> => {
  const { context, principal, params } = request;
  if (context.req.header("if-match") === undefined && principal.tags === null)
    return ok({ featureId: params.featureId });
  const record = await findOwnFeature(request, features);
  if (!record.ok) return record;
  const { featureId, version } = record.value.state;
  const precondition = readPrecondition(context, { version, required: false });
  return precondition.ok ? ok({ featureId, ...precondition.value }) : precondition;
};

export const addRolloutRoutes = (
  api: AdminApp,
  options: {
    features: Pick<FeatureReads, "getFeature" | "readDependents">;
    evaluation: Pick<EvaluationReads, "ruleWarnings">;
    changes: Pick<FeatureChanges, "rollbackTag">;
    submit: SubmitChange;
  },
): void => {
  const { features, changes, submit, evaluation } = options;

  const addChange = <B extends z.ZodType<{ reason: string }>>(
    route: {
      action: string;
      operationId: string;
      summary: string;
      description?: string;
      body: B;
      /** The answer has what the rule cannot do beside them. */
      setsShares?: boolean;
    },
    changeOf: (featureId: FeatureId, body: Output<B>) => ProposedChange,
  ): void => {
    const { action, setsShares = false, ...described } = route;
    addOperation(
      api,
      {
        ...described,
        method: "post",
        path: `/features/{featureId}/${action}`,
        tag: "Rollout",
        scope: "editor",
        params: FeatureParams,
        ifMatch: "optional",
        query: z.object({ force: Force }),
        answers: {
          200: { description: "The feature as it is now, with its ETag.", schema: FeatureDocument },
          ...waits,
        },
      },
      async (request) => {
        const { context, principal, query, readBody } = request;
        const target = await readTarget(request, features);
        if (!target.ok) return target.error;
        const body = await readBody();
        if (!body.ok) return body.error;
        const { featureId, expectedVersion } = target.value;
        const change = changeOf(featureId, body.value);
        const { reason } = body.value;
        const given = { change, reason, force: query.force, expectedVersion };
        const changed = await submit({ context, principal, ...given });
        if (!changed.ok) return changed.error;
        const warnings = setsShares ? await evaluation.ruleWarnings(featureId) : [];
        return answerFeature(context, features, featureId, { warnings });
      },
    );
  };
  addChange(
    {
      action: "rollback",
      operationId: "rollbackFeature",
      summary: "Close a feature, and all that require it",
      description: "It stays closed until a person opens it again.",
      body: RollbackBody,
    },
    (featureId) => ({ kind: "rollback", featureId }),
  );
  addChange(
    {
      action: "enable",
      operationId: "enableFeature",
      summary: "Open a feature",
      description: "Without `rolloutBps` it goes back to the rollout of before its rollback.",
      body: EnableBody,
      setsShares: true,
    },
    (featureId, { reason: _reason, ...shares }) => ({ kind: "enable", featureId, shares }),
  );
  addChange(
    {
      action: "rollout",
      operationId: "setRollout",
      summary: "Change how many get a feature",
      body: RolloutBody,
      setsShares: true,
    },
    (featureId, { reason: _reason, ...shares }) => ({ kind: "rollout", featureId, shares }),
  );
  addChange(
    {
      action: "trial",
      operationId: "restartTrial",
      summary: "Let a feature's evidence start over",
      description: "The rollout stays.",
      body: RollbackBody,
    },
    (featureId) => ({ kind: "restart", featureId }),
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/features/{featureId}/ramp",
      operationId: "pauseRamp",
      tag: "Rollout",
      summary: "Pause a feature's ramp, or let it go on",
      description:
        "A pause waits for nobody, like a rollback: neither for a second person nor for the end of a lockdown.",
      scope: "editor",
      params: FeatureParams,
      ifMatch: "optional",
      query: z.object({ force: Force }),
      body: RampBody,
      answers: { 200: { description: "Whether it is paused.", schema: RampDocument }, ...waits },
    },
    async (request) => {
      const { context, principal, query, readBody } = request;
      const target = await readTarget(request, features);
      if (!target.ok) return target.error;
      const body = await readBody();
      if (!body.ok) return body.error;
      const { featureId, expectedVersion } = target.value;
      const { paused, reason } = body.value;
      const change = { kind: "ramp", featureId, paused } as const;
      const changed = await submit({
        context,
        principal,
        change,
        reason,
        force: query.force,
        expectedVersion,
      });
      if (!changed.ok) return changed.error;
      const {
        revision,
        features: [feature],
      } = changed.value;
      return context.json({ featureId, paused, version: feature?.version, revision });
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/features/{featureId}/dependents",
      operationId: "getDependents",
      tag: "Rollout",
      summary: "What a feature requires, and what closes with it",
      scope: "viewer",
      params: FeatureParams,
      answers: { 200: { description: "By name.", schema: DependentsDocument } },
    },
    async (request) => {
      const record = await findFeature(request, features);
      if (!record.ok) return record.error;
      const { featureId } = record.value.state;
      return request.context.json({ featureId, ...(await features.readDependents(featureId)) });
    },
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/rollback",
      operationId: "rollbackTag",
      tag: "Rollout",
      summary: "Close all features with a tag, in one revision",
      scope: "editor",
      body: TagRollbackBody,
      answers: { 200: { description: "What was closed.", schema: TagRollbackDocument } },
    },
    async ({ context, principal, readBody }) => {
      const body = await readBody();
      if (!body.ok) return body.error;
      const { tag, reason } = body.value;
      if (!mayChange(principal, [tag])) return tagProblem(context, principal);
      const changed = await changes.rollbackTag(tag, { actor: principal.actor, reason });
      if (!changed.ok) return changeProblem(context, changed.error);
      const { revision = null, features: closed = [] } = changed.value ?? {};
      return context.json({ revision, features: closed });
    },
  );
};
