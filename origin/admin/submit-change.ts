// The one way from a request to a change of a feature: the proposed change is carried out, or the answer says why not.
import type { Context } from "hono";
import type { Principal } from "../access/principal.ts";
import type { CarriedOut, FeatureChanges } from "../features/change-feature.ts";
import type { ProposedChange } from "../features/proposed-change.ts";
import { err, type Result } from "../../shared/result.ts";
import { changeProblem } from "./change-problem.ts";

export type Submission = {
  readonly context: Context;
  readonly principal: Principal;
  readonly change: ProposedChange;
  readonly reason: string;
  readonly expectedVersion?: number | undefined;
};

/** The outcome, or the answer to send. */
export type SubmitChange = (submission: Submission) => Promise<Result<CarriedOut, Response>>;

export const makeSubmitChange =
  ({ changeFeature }: Pick<FeatureChanges, "changeFeature">): SubmitChange =>
  async ({ context, principal, change, reason, expectedVersion }) => {
    const changed = await changeFeature(change, { actor: principal.actor, reason }, { expectedVersion });
    return changed.ok ? changed : err(changeProblem(context, changed.error));
  };
