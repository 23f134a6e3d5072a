// Four eyes: keeps changes that wait for a second person, lets one decide, and carries out what was approved. A process may die between
// the decision and the commit: another one finishes it.
import { randomBytes } from "node:crypto";
import type { Pool } from "../../db/pool.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { ChangeError, TagsOfChange } from "../change-error.ts";
import type { FeatureChanges } from "../change-feature.ts";
import type { Attribution } from "../change-steps.ts";
import type { ChangePreview } from "../preview-change.ts";
import type { ProposedChange } from "../proposed-change.ts";
import type { ProposedSchedule } from "../schedules/schedule.ts";
import {
  checkPermission,
  checkTags,
  isRetreat,
  ownsChange,
  type ChangeGuard,
  type Hold,
} from "../change-guard.ts";
import type { ConfigPlan } from "../config/plan-config.ts";
import type { ApprovalError } from "./approval-error.ts";
import { insertPolicy, listPolicies, readPolicy, type ApprovalPolicy } from "./approval-policy.ts";
import {
  ApprovalRequest,
  hashOfApproval,
  type ShownApproval,
  type ApprovalSubject,
  type Base,
} from "./approval-request.ts";
import {
  decideApproval,
  getApproval,
  insertApproval,
  listApprovals,
  listUnfinished,
  type ApprovalQuery,
} from "./approval-rows.ts";
import { byOf, expectedOf, isStale, makeCarryOutApproved, type Decided } from "./carry-out-approved.ts";
import { readMoved, type Moved } from "./what-moved.ts";

const KEPT_FOR_SECONDS = 7 * 86_400;
/** An approved change that is not settled after so long was left by a process that died. */
const ABANDONED_AFTER_MS = 10_000;
/** The holder of ADMIN_TOKEN, which names no person. */
const UNNAMED = "admin";

/** Who decides: by a token or a session. */
export type Decider = {
  readonly actor: string;
  readonly scope: string;
  readonly tags: readonly string[] | null;
};

export type Approvals = ReturnType<typeof makeApprovals>;

const diffOfPlan = ({ segments, features }: ConfigPlan) => [
  ...segments.flatMap(({ segmentId, action, changes }) =>
    changes.length === 0
      ? [{ featureId: null, field: `segments.${segmentId}`, from: null, to: action }]
      : changes.map(({ field, from, to }) => ({
          featureId: null,
          field: `segments.${segmentId}.${field}`,
          from,
          to,
        })),
  ),
  ...features.flatMap(({ featureId, action, changes }) =>
    action === "delete" || action === "release" || action === "adopt"
      ? [{ featureId, field: "feature", from: null, to: action }]
      : changes.map(({ field, from, to }) => ({ featureId, field, from, to })),
  ),
];

export const makeApprovals = ({
  pool,
  changes,
}: {
  pool: Pool;
  changes: Pick<
    FeatureChanges,
    "changeFeature" | "previewChange" | "planConfig" | "applyPlan" | "findApplied"
  >;
}) => {
  const { planAgain, carryOut } = makeCarryOutApproved({ pool, changes });

  /** Reads the policy at each change but a rollback and the pause of a ramp, which wait for nothing. */
  const guard =
    ({ tags }: Pick<Decider, "tags">, passes: ReadonlySet<Hold>): ChangeGuard =>
    async (prepared) => {
      const approvalTags = isRetreat(prepared.changes) ? [] : (await readPolicy(pool)).tags;
      return checkPermission(prepared, { ownTags: tags, approvalTags, passes });
    };

  const ask = (
    subject: ApprovalSubject,
    about: { base: Base; diff: readonly object[] },
    why: { tags: readonly string[]; featureTags: readonly TagsOfChange[]; by: Attribution },
  ): Promise<ApprovalRequest> =>
    insertApproval(pool, {
      approvalId: `apr_${randomBytes(9).toString("hex")}`,
      subject,
      ...about,
      hash: hashOfApproval(subject, about.base),
      tags: why.tags,
      featureTags: why.featureTags,
      featureIds: about.base.flatMap(({ featureId }) => (featureId === null ? [] : [featureId])),
      reason: why.by.reason,
      askedBy: why.by.actor,
      keptForSeconds: KEPT_FOR_SECONDS,
    });

  /** The request, if it waits and the hash is its own. */
  const findOpen = async (
    approvalId: string,
    hash: string | undefined,
  ): Promise<Result<ShownApproval, ApprovalError>> => {
    const request = await getApproval(pool, approvalId);
    if (request === null) return err({ reason: "notFound" });
    if (request.state !== "open") return err({ reason: "notOpen", request });
    return hash === undefined || hash === request.hash
      ? ok(request)
      : err({ reason: "otherHash", have: request.hash });
  };

  /** Why it does not wait any more. */
  const lateError = async (approvalId: string): Promise<ApprovalError> => {
    const request = await getApproval(pool, approvalId);
    return request === null ? { reason: "notFound" } : { reason: "notOpen", request };
  };

  const approverError = (request: ApprovalRequest, { actor, scope, tags }: Decider): ApprovalError | null => {
    if (actor === request.askedBy) return { reason: "ownRequest" };
    if (actor === UNNAMED) return { reason: "unnamedApprover" };
    if (request.subject.kind === "policy" && scope !== "admin") return { reason: "needsAdmin" };
    return request.featureTags.every((each) => ownsChange(tags, each)) ? null : { reason: "foreignTags" };
  };

  return {
    guard,
    /** The change waits for a second person from now on. */
    ask: (
      preview: ChangePreview,
      why: { tags: readonly string[]; featureTags: readonly TagsOfChange[]; by: Attribution },
    ) => ask(preview.change, preview, why),
    /** The same of a plan of configuration files, as a whole. */
    askToApply: (
      plan: ConfigPlan,
      why: { tags: readonly string[]; featureTags: readonly TagsOfChange[]; by: Attribution },
    ) =>
      ask(
        { kind: "apply", planHash: plan.hash, config: plan.config },
        { base: plan.base, diff: diffOfPlan(plan) },
        why,
      ),
    getApproval: (approvalId: string) => getApproval(pool, approvalId),
    listApprovals: (query: ApprovalQuery) => listApprovals(pool, query),

    approve: async (approvalId: string, { hash, by }: { hash: string; by: Decider }): Decided => {
      const found = await findOpen(approvalId, hash);
      if (!found.ok) return found;
      const readable = ApprovalRequest.safeParse(found.value);
      if (!readable.success) return err({ reason: "newerVersion", kind: found.value.subject.kind });
      const request = readable.data;
      const refusal = approverError(request, by);
      if (refusal !== null) return err(refusal);
      const { subject, base } = request;
      const staleBecause = async (moved: readonly Moved[]): Decided => {
        const to = { approvalId, hash, to: "stale", actor: by.actor, reason: null } as const;
        const settled = await decideApproval(pool, { ...to, outcome: { moved } });
        return err(settled === null ? await lateError(approvalId) : { reason: "stale", moved });
      };
      if (subject.kind === "schedule") {
        const moved = await readMoved(pool, base);
        if (moved.length > 0) return staleBecause(moved);
      } else if (subject.kind === "apply") {
        const plan = await planAgain(subject);
        if (!plan.ok && plan.error.reason === "refused") return plan;
        if (!plan.ok) {
          return staleBecause(await readMoved(pool, base));
        }
        const refused = await guard(by, new Set(["approvalNeeded"]))(plan.value);
        if (refused !== undefined)
          return err(
            refused.error.reason === "foreignTags"
              ? { reason: "foreignTags" }
              : { reason: "refused", error: refused.error },
          );
      } else if (subject.kind !== "policy") {
        const passes: ReadonlySet<Hold> = new Set(["approvalNeeded"]);
        const terms = { expectedVersion: expectedOf(base), guard: guard(by, passes) };
        const preview = await changes.previewChange(subject, byOf(request), terms);
        if (!preview.ok && isStale(preview.error)) return staleBecause(await readMoved(pool, base));
        if (!preview.ok)
          return err(
            preview.error.reason === "foreignTags"
              ? { reason: "foreignTags" }
              : { reason: "refused", error: preview.error },
          );
      }
      const decision = { approvalId, hash, to: "approved", actor: by.actor, reason: null } as const;
      const approved = await decideApproval(pool, decision);
      return approved === null ? err(await lateError(approvalId)) : carryOut({ ...approved, subject });
    },

    reject: async (approvalId: string, { reason, by }: { reason: string; by: Decider }): Decided => {
      const found = await findOpen(approvalId, undefined);
      if (!found.ok) return found;
      const { hash, featureTags, askedBy } = found.value;
      if (askedBy === by.actor) return err({ reason: "ownRequest" });
      if (!featureTags.every((each) => ownsChange(by.tags, each))) return err({ reason: "foreignTags" });
      const rejected = await decideApproval(pool, {
        approvalId,
        hash,
        to: "rejected",
        actor: by.actor,
        reason,
      });
      return rejected === null ? err(await lateError(approvalId)) : ok(rejected);
    },

    /** By who asked, or an admin. */
    withdraw: async (approvalId: string, by: Decider): Decided => {
      const found = await findOpen(approvalId, undefined);
      if (!found.ok) return found;
      const { hash, askedBy } = found.value;
      if (askedBy !== by.actor && by.scope !== "admin") return err({ reason: "notTheirs", askedBy });
      const decision = { approvalId, hash, to: "withdrawn", actor: by.actor, reason: null } as const;
      const withdrawn = await decideApproval(pool, decision);
      return withdrawn === null ? err(await lateError(approvalId)) : ok(withdrawn);
    },

    /** Whether a schedule with this change may be made; a rollback and the pause of a ramp wait for nobody. */
    checkSchedule: async (
      change: ProposedChange,
      featureTags: TagsOfChange,
      { tags }: Pick<Decider, "tags">,
      passes: ReadonlySet<Hold>,
    ): Promise<ChangeError | null> => {
      const waitsForNobody = change.kind === "rollback" || (change.kind === "ramp" && change.paused);
      const approvalTags = waitsForNobody ? [] : (await readPolicy(pool)).tags;
      const refusal = checkTags([{ ...featureTags, featureId: change.featureId }], waitsForNobody, {
        ownTags: tags,
        approvalTags,
        passes,
      });
      return refusal?.error ?? null;
    },
    askForSchedule: (
      schedule: ProposedSchedule,
      baseVersion: number,
      why: { tags: readonly string[]; featureTags: readonly TagsOfChange[]; by: Attribution },
    ) =>
      ask(
        { ...schedule, kind: "schedule" },
        {
          base: [{ featureId: schedule.change.featureId, version: baseVersion }],
          diff: [{ featureId: schedule.change.featureId, field: "schedule", from: null, to: schedule }],
        },
        why,
      ),

    readPolicy: () => readPolicy(pool),
    listPolicies: (limit: number) => listPolicies(pool, limit),
    /** null: another policy came first. */
    setPolicy: (base: number, tags: readonly string[], by: Attribution, forced: boolean) =>
      insertPolicy(pool, { base, tags, ...by, details: forced ? { forced: ["approvalNeeded"] } : {} }),
    askForPolicy: (policy: ApprovalPolicy, tags: readonly string[], by: Attribution) =>
      ask(
        { kind: "policy", tags },
        {
          base: [{ featureId: null, version: policy.version }],
          diff: [{ featureId: null, field: "tags", from: policy.tags, to: tags }],
        },
        { tags: [], featureTags: [], by },
      ),

    /** Carries out what a process that died had approved and not finished. Their ids. */
    finishApproved: async (): Promise<readonly string[]> => {
      const unfinished = await listUnfinished(pool, ABANDONED_AFTER_MS);
      for (const request of unfinished) await carryOut(request);
      return unfinished.map(({ approvalId }) => approvalId);
    },
  };
};
