// Configuration as code: plan what files would change, apply exactly that plan, and write files from what there is.
import { z } from "@hono/zod-openapi";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { Approvals } from "../features/approvals/make-approvals.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import type { Hold } from "../features/change-guard.ts";
import type { Applied } from "../features/config/applied-plans.ts";
import type { ConfigPlan } from "../features/config/plan-config.ts";
import type { Base, SegmentBase } from "../features/config/plan-hash.ts";
import type { PlannedFeature } from "../features/config/planned-feature.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { WarningLog } from "../runtime/log.ts";
import { problem } from "../runtime/problem.ts";
import type { AdminApp, AdminContext } from "./admin-context.ts";
import { changeProblem } from "./change-problem.ts";
import {
  AppliedDocument,
  ApplyBody,
  ExportDocument,
  PlanBody,
  PlanDocument,
  Source,
} from "./documents/config.ts";
import { addOperation } from "./operation.ts";
import { approvalDocument } from "./documents/approval.ts";
import { fieldsProblem } from "./field-problem.ts";
import { scopeProblem, tagProblem } from "./permission.ts";
import { ProblemDocument } from "./problem-document.ts";
import { Force, waits } from "./submit-change.ts";

/** All features together may have 12 MiB at the edges; files say them in more words, and rules come on top. */
export const CONFIG_BODIES = { paths: ["/admin/v1/plan", "/admin/v1/apply"], maxBytes: 16 * 1024 * 1024 };

type Evaluation = Pick<EvaluationReads, "beginsNewTrial" | "newestVerdicts">;
type Moved = ({ readonly featureId: string } | { readonly segmentId: string }) & {
  readonly planned: number | null;
  readonly have: number | null;
};

/** Whose people are counted while their targeting changes. */
const segmentWarnings = (onTrial: readonly string[]): string[] =>
  onTrial.length === 0
    ? []
    : [
        `${onTrial.length} of its features ${onTrial.length === 1 ? "is" : "are"} on trial (${onTrial.join(", ")}): whoever is no longer targeted loses the feature and stays counted, and whoever is targeted now is counted from now on`,
      ];

const count = ({ features }: ConfigPlan, action: PlannedFeature["action"]): number =>
  features.filter((feature) => feature.action === action).length;

/** Evidence that a change of the rule makes worthless. */
const trialWarnings = async (
  plan: ConfigPlan,
  evaluation: Evaluation,
): Promise<ReadonlyMap<string, string>> => {
  const restarted = plan.features.filter(
    ({ action, epoch, rules: { before, after }, holdouts }) =>
      action === "update" &&
      epoch !== null &&
      before !== null &&
      after !== null &&
      evaluation.beginsNewTrial(
        { rule: before, holdoutBps: holdouts.before },
        { rule: after, holdoutBps: holdouts.after },
      ),
  );
  const verdicts = await evaluation.newestVerdicts(
    restarted.map(({ featureId, epoch }) => ({ featureId, epoch: epoch ?? 1 })),
  );
  return new Map(
    restarted.flatMap(({ featureId }) => {
      const verdict = verdicts.get(featureId);
      if (verdict === undefined) return [];
      const lost = verdict.action === "KEEP" ? ", and its KEEP is lost" : "";
      return [[featureId, `its evidence starts from nothing under the changed rule${lost}`]];
    }),
  );
};

const answerPlan = async (context: AdminContext, plan: ConfigPlan, evaluation: Evaluation) => {
  const ofTrials = await trialWarnings(plan, evaluation);
  return context.json({
    hash: plan.hash,
    source: plan.config.source,
    changed: plan.changes.length + plan.segmentChanges.length > 0,
    counts: {
      create: count(plan, "create"),
      update: count(plan, "update"),
      delete: count(plan, "delete"),
      adopt: count(plan, "adopt"),
      release: count(plan, "release"),
      unchanged: plan.unchanged,
    },
    segments: plan.segments.map(({ onTrial, ...planned }) => ({
      ...planned,
      warnings: segmentWarnings(onTrial),
    })),
    features: plan.features.map(({ featureId, file, action, changes, notes, warnings, visitors }) => {
      const ofTrial = ofTrials.get(featureId);
      const all = ofTrial === undefined ? warnings : [...warnings, ofTrial];
      return { featureId, file, action, changes, notes, warnings: all, visitors };
    }),
    base: plan.base,
    baseSegments: plan.baseSegments,
  });
};

type Bases = { readonly base: readonly Base[]; readonly baseSegments: readonly SegmentBase[] };

/** What the plan is about with another version than now, or what it is about now and was not. */
const movedOf = <T extends { readonly version: number | null }>(
  before: readonly T[],
  now: readonly T[],
  idOf: (one: T) => string,
) => {
  const planned = new Map(before.map((one) => [idOf(one), one.version]));
  const have = new Map(now.map((one) => [idOf(one), one.version]));
  return [...new Set([...planned.keys(), ...have.keys()])]
    .filter((id) => planned.get(id) !== have.get(id))
    .map((id) => ({ id, planned: planned.get(id) ?? null, have: have.get(id) ?? null }));
};

const movedSince = (before: Bases, now: Bases): Moved[] => [
  ...movedOf(before.base, now.base, ({ featureId }) => featureId).map(({ id, planned, have }) => ({
    featureId: id,
    planned,
    have,
  })),
  ...movedOf(before.baseSegments, now.baseSegments, ({ segmentId }) => segmentId).map(
    ({ id, planned, have }) => ({ segmentId: id, planned, have }),
  ),
];

const movedProblem = (context: AdminContext, moved: readonly Moved[]): Response =>
  problem(context, {
    status: 412,
    title: "Precondition Failed",
    detail: `${moved.map((one) => ("featureId" in one ? one.featureId : `segment ${one.segmentId}`)).join(", ")} changed since the plan was made: nothing was applied, plan again`,
    reason: "moved",
    moved,
  });

const answerApplied = (context: AdminContext, hash: string, applied: Applied, alreadyApplied: boolean) =>
  context.json({ hash, ...applied, alreadyApplied });

export const addConfigRoutes = (
  api: AdminApp,
  options: {
    features: Pick<FeatureReads, "exportConfig">;
    changes: Pick<FeatureChanges, "planConfig" | "applyPlan" | "findApplied" | "hashOfPlan">;
    evaluation: Evaluation;
    approvals: Pick<Approvals, "guard" | "askToApply">;
    log: WarningLog;
  },
): void => {
  const { features, changes, evaluation, approvals, log } = options;

  addOperation(
    api,
    {
      method: "post",
      path: "/plan",
      operationId: "planConfig",
      tag: "Configuration",
      summary: "What configuration files would change",
      description: "Changes nothing.",
      scope: "viewer",
      body: PlanBody,
      answers: { 200: { description: "The plan.", schema: PlanDocument } },
    },
    async ({ context, readBody }) => {
      const body = await readBody();
      if (!body.ok) return body.error;
      const plan = await changes.planConfig(body.value);
      return plan.ok ? answerPlan(context, plan.value, evaluation) : changeProblem(context, plan.error);
    },
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/apply",
      operationId: "applyConfig",
      tag: "Configuration",
      summary: "Apply exactly one plan, in one revision",
      description:
        "With the files that were planned, the plan's hash, its `base` and its `baseSegments`. A feature or segment that changed since is 412, and nothing is applied. The same plan sent again has no second effect.",
      scope: "editor",
      query: z.object({ force: Force }),
      body: ApplyBody,
      answers: {
        ...waits,
        200: { description: "It is applied.", schema: AppliedDocument },
        412: {
          description: "Features or segments changed since the plan was made; `moved` names them.",
          schema: ProblemDocument,
          contentType: "application/problem+json",
        },
      },
    },
    async ({ context, principal, query, readBody }) => {
      const body = await readBody();
      if (!body.ok) return body.error;
      const { hash, base, baseSegments: given, reason, ...config } = body.value;
      const plan = await changes.planConfig(config);
      const baseSegments = given ?? (plan.ok ? plan.value.baseSegments : []);
      if (changes.hashOfPlan(config, base, baseSegments) !== hash)
        return problem(context, {
          status: 409,
          title: "Conflict",
          detail: "the hash is of another plan than these files and versions: plan again",
          reason: "otherPlan",
        });
      // Looked for after the features were read: the same plan may be on its way by another request.
      const before = await changes.findApplied(hash);
      if (before !== null) return answerApplied(context, hash, before, true);
      if (!plan.ok) return changeProblem(context, plan.error);
      if (plan.value.hash !== hash)
        return movedProblem(context, movedSince({ base, baseSegments }, plan.value));
      const by = { actor: principal.actor, reason: reason ?? `applied from ${config.source}` };
      const isForced = query.force === "true";
      if (isForced && reason === undefined)
        return fieldsProblem(context, [{ field: "reason", reason: "a forced change needs one" }]);
      const mayPass: readonly Hold[] =
        principal.scope === "admin" ? ["approvalNeeded", "lockedDown"] : ["lockedDown"];
      const passes: ReadonlySet<Hold> = new Set(isForced ? mayPass : []);
      const applied = await changes.applyPlan(plan.value, by, {
        guard: approvals.guard(principal, passes),
        details: isForced ? { forced: [...passes] } : undefined,
      });
      if (applied.ok) {
        if (isForced) log.warn({ hash, ...by }, "a plan was forced past what holds such changes back");
        return answerApplied(context, hash, applied.value, false);
      }
      if (applied.error.reason === "foreignTags")
        return tagProblem(context, principal, applied.error.featureIds);
      if (applied.error.reason === "approvalNeeded" && isForced)
        return scopeProblem(context, principal, "admin");
      if (applied.error.reason === "approvalNeeded") {
        const request = await approvals.askToApply(plan.value, { ...applied.error, by });
        context.header("location", `/admin/v1/approvals/${request.approvalId}`);
        return context.json(approvalDocument(request), 202);
      }
      if (applied.error.reason !== "moved") return changeProblem(context, applied.error);
      // The same plan may have come twice at the same moment, and the other one was first.
      const other = await changes.findApplied(hash);
      if (other !== null) return answerApplied(context, hash, other, true);
      const now = await changes.planConfig(config);
      return movedProblem(
        context,
        now.ok
          ? movedSince({ base, baseSegments }, now.value)
          : [
              ...applied.error.featureIds.map((featureId) => ({ featureId, planned: null, have: null })),
              ...applied.error.segmentIds.map((segmentId) => ({ segmentId, planned: null, have: null })),
            ],
      );
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/export",
      operationId: "exportConfig",
      tag: "Configuration",
      summary: "Features and segments as configuration files say them",
      scope: "viewer",
      query: z.object({
        source: Source.optional().openapi({ description: "Only what this source owns." }),
        tag: z.string().max(64).optional().openapi({ description: "Only features with this tag." }),
      }),
      answers: { 200: { description: "All of them.", schema: ExportDocument } },
    },
    async ({ context, query }) => context.json(await features.exportConfig(query)),
  );
};
