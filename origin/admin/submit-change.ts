// The one way from a request to a change of a feature: the proposed change is carried out, or waits for a second person, or the
// answer says why not.
import { z } from "@hono/zod-openapi";
import type { Principal } from "../access/principal.ts";
import type { Approvals } from "../features/approvals/make-approvals.ts";
import type { CarriedOut, FeatureChanges } from "../features/change-feature.ts";
import type { Hold } from "../features/change-guard.ts";
import type { ProposedChange } from "../features/proposed-change.ts";
import type { WarningLog } from "../runtime/log.ts";
import { err, type Result } from "../../shared/result.ts";
import type { AdminContext } from "./admin-context.ts";
import { changeProblem } from "./change-problem.ts";
import { ApprovalDocument, approvalDocument } from "./documents/approval.ts";
import { fieldsProblem } from "./field-problem.ts";
import { scopeProblem, tagProblem } from "./permission.ts";

/** Part of the query of every operation that changes features. */
export const Force = z.enum(["true", "false"]).optional().openapi({
  description:
    "`true`: also where the feature is locked down, or where the approval of a second person is needed (scope `admin`). It needs a reason, and the audit tells it.",
});

/** The answer of an operation whose change waits. */
export const waits = {
  202: {
    description: "Nothing is changed yet: the change waits for the approval of a second person.",
    schema: ApprovalDocument,
  },
} as const;

export type Submission = {
  readonly context: AdminContext;
  readonly principal: Principal;
  readonly change: ProposedChange;
  /** undefined: the caller gave none. */
  readonly reason: string | undefined;
  /** The reason in the audit where the caller gave none. */
  readonly otherwise?: string;
  readonly force: "true" | "false" | undefined;
  readonly expectedVersion?: number | undefined;
};

/** The outcome, or the answer to send. */
export type SubmitChange = (submission: Submission) => Promise<Result<CarriedOut, Response>>;

export const makeSubmitChange = ({
  changes,
  approvals,
  log,
}: {
  changes: Pick<FeatureChanges, "changeFeature" | "previewChange">;
  approvals: Pick<Approvals, "guard" | "ask">;
  log: WarningLog;
}): SubmitChange => {
  const attempt = async (
    submission: Submission,
    passes: ReadonlySet<Hold>,
  ): Promise<Result<CarriedOut, Response>> => {
    const { context, principal, change, reason, otherwise = "", force, expectedVersion } = submission;
    const by = { actor: principal.actor, reason: reason ?? otherwise };
    const guard = approvals.guard(principal, passes);
    const details = passes.size === 0 ? undefined : { forced: [...passes] };
    const changed = await changes.changeFeature(change, by, { expectedVersion, guard, details });
    if (changed.ok) {
      if (passes.size > 0)
        log.warn(
          { featureId: change.featureId, change: change.kind, ...by, forced: [...passes] },
          "a change was forced past what holds such changes back",
        );
      return changed;
    }
    const { error } = changed;
    if (error.reason === "foreignTags") return err(tagProblem(context, principal));
    const isHeld = error.reason === "approvalNeeded" || error.reason === "lockedDown";
    if (isHeld && force === "true") {
      if (error.reason === "approvalNeeded" && principal.scope !== "admin")
        return err(scopeProblem(context, principal, "admin"));
      return attempt(submission, new Set([...passes, error.reason]));
    }
    if (error.reason !== "approvalNeeded") return err(changeProblem(context, error));
    const preview = await changes.previewChange(change, by, { expectedVersion });
    if (!preview.ok) return err(changeProblem(context, preview.error));
    const request = await approvals.ask(preview.value, { ...error, by });
    context.header("location", `/admin/v1/approvals/${request.approvalId}`);
    return err(context.json(approvalDocument(request), 202));
  };
  return async (submission) => {
    const { context, force, reason } = submission;
    return force === "true" && reason === undefined
      ? err(fieldsProblem(context, [{ field: "reason", reason: "a forced change needs one" }]))
      : attempt(submission, new Set());
  };
};
