// Carries an approved change out exactly as it was hashed, or says that it is stale or refused. Each is committed under the change id
// of its request, so that it has its effect once, however many processes do it.
import type { Pool } from "../../db/pool.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { ChangeError } from "../change-error.ts";
import type { CarriedOut, FeatureChanges } from "../change-feature.ts";
import type { Attribution } from "../change-steps.ts";
import type { ConfigPlan } from "../config/plan-config.ts";
import { insertSchedule } from "../schedules/schedule-rows.ts";
import { findPolicyOf, insertPolicy } from "./approval-policy.ts";
import type { ApprovalError } from "./approval-error.ts";
import type { ApprovalRequest, Base, ProposedApply, ShownApproval } from "./approval-request.ts";
import { getApproval, settleApproval } from "./approval-rows.ts";
import { readMoved, type Moved } from "./what-moved.ts";

export type Decided = Promise<Result<ShownApproval, ApprovalError>>;

/** The change was about another version. */
export const isStale = ({ reason }: ChangeError): boolean =>
  reason === "versionConflict" || reason === "alreadyExists" || reason === "notFound";

/** The version of the one feature that the change was shown for. */
export const expectedOf = ([first]: Base): number | undefined => first?.version ?? undefined;

/** The change is carried out in the name of the person who asked for it. */
export const byOf = ({ askedBy, reason }: ApprovalRequest): Attribution => ({ actor: askedBy, reason });

const auditOf = ({ approvalId, hash }: ApprovalRequest, approvedBy: string | null) => ({
  approval: { approvalId, hash, approvedBy },
});

export const makeCarryOutApproved = ({
  pool,
  changes,
}: {
  pool: Pool;
  changes: Pick<FeatureChanges, "changeFeature" | "planConfig" | "applyPlan" | "findApplied">;
}) => {
  const settleStale = async (request: ApprovalRequest): Promise<readonly Moved[]> => {
    const moved = await readMoved(pool, request.base);
    await settleApproval(pool, request.approvalId, { state: "stale", outcome: { moved } });
    return moved;
  };

  /** The very plan that the request is about, or why there is no such plan any more. */
  const planAgain = async ({
    planHash,
    config,
  }: ProposedApply): Promise<Result<ConfigPlan, Extract<ApprovalError, { reason: "stale" | "refused" }>>> => {
    const plan = await changes.planConfig(config);
    if (!plan.ok) return err({ reason: "refused", error: plan.error });
    return plan.value.hash === planHash ? plan : err({ reason: "stale", moved: [] });
  };

  const carryOut = async (request: ApprovalRequest): Decided => {
    const { subject, base, approvalId, changeId, decidedBy } = request;
    const settle = async (state: "applied" | "failed", outcome: object) =>
      ok(
        (await settleApproval(pool, approvalId, { state, outcome })) ??
          (await getApproval(pool, approvalId)) ??
          request,
      );
    const details = auditOf(request, decidedBy);
    if (subject.kind === "policy") {
      const next = { base: base[0]?.version ?? 0, tags: subject.tags, ...byOf(request), details };
      const policy = (await insertPolicy(pool, next)) ?? (await findPolicyOf(pool, approvalId));
      return policy === null
        ? err({ reason: "stale", moved: await settleStale(request) })
        : settle("applied", { policyVersion: policy.version });
    }
    if (subject.kind === "schedule") {
      const { kind: _kind, ...schedule } = subject;
      const { scheduleId } = await insertSchedule(pool, {
        // One request makes one schedule, also when a process dies in the middle.
        scheduleId: approvalId.replace("apr_", "sch_"),
        schedule,
        baseVersion: base[0]?.version ?? 0,
        reason: request.reason,
        madeBy: request.askedBy,
        permission: details,
      });
      return settle("applied", { scheduleId });
    }
    if (subject.kind === "apply") {
      const before = await changes.findApplied(subject.planHash);
      if (before !== null) return settle("applied", before);
      const plan = await planAgain(subject);
      if (!plan.ok) {
        if (plan.error.reason === "stale") return err({ ...plan.error, moved: await settleStale(request) });
        await settle("failed", plan.error);
        return plan;
      }
      const applied = await changes.applyPlan(plan.value, byOf(request), { changeId, details });
      if (applied.ok) return settle("applied", applied.value);
      if (applied.error.reason === "moved")
        return err({ reason: "stale", moved: await settleStale(request) });
      await settle("failed", { error: applied.error });
      return err({ reason: "refused", error: applied.error });
    }
    const terms = { changeId, details, expectedVersion: expectedOf(base) };
    const done: Result<CarriedOut, ChangeError> = await changes.changeFeature(subject, byOf(request), terms);
    if (done.ok) {
      const { revision, features } = done.value;
      return settle("applied", { revision, features });
    }
    if (isStale(done.error)) return err({ reason: "stale", moved: await settleStale(request) });
    await settle("failed", { error: done.error });
    return err({ reason: "refused", error: done.error });
  };

  return { planAgain, carryOut };
};
