// Why a change was refused, as an HTTP answer: the same for every route that changes something.
import type { Context } from "hono";
import type { ChangeError } from "../features/change-error.ts";
import { problem } from "../runtime/problem.ts";
import { fieldsProblem } from "./field-problem.ts";
import { versionProblem } from "./read-request.ts";

export const changeProblem = (context: Context, error: ChangeError): Response => {
  const conflict = (detail: string, facts: Record<string, unknown>) =>
    problem(context, { status: 409, title: "Conflict", detail, reason: error.reason, ...facts });
  switch (error.reason) {
    case "notFound":
      return problem(context, { status: 404, title: "Not Found", detail: `no feature ${error.featureId}` });
    case "versionConflict":
      return versionProblem(context, error.have);
    case "alreadyExists":
      return conflict("a feature with this id exists", { have: error.have });
    case "epochConflict":
      return conflict(`the feature is in epoch ${error.have} now`, { have: error.have });
    case "alreadyClosed":
      return conflict("the feature is closed already", { have: error.have });
    case "alreadyOpen":
      return conflict("the feature is open already", { have: error.have });
    case "requirementClosed":
      return conflict(`it requires ${error.featureIds.join(", ")}, which must be open first`, {
        featureIds: error.featureIds,
      });
    case "requiredBy":
      return conflict(`it is required by ${error.featureIds.join(", ")}`, { featureIds: error.featureIds });
    case "tooLarge":
      return problem(context, {
        status: 413,
        title: "Content Too Large",
        detail: `all features together would have ${error.bytes} bytes, and the edges take ${error.limit}: make this feature's targeting, routes, gate or activation shorter, or delete features`,
        reason: error.reason,
        bytes: error.bytes,
        limit: error.limit,
      });
    case "foreignTags":
      return problem(context, {
        status: 403,
        title: "Forbidden",
        detail: "your token may change features with other tags only",
        reason: "tags",
      });
    case "approvalNeeded":
      return conflict(
        `features with the tag ${error.tags.join(" or ")} are changed with the approval of a second person: ` +
          "change this feature by itself to ask for it, or, as an admin, force it with ?force=true and a reason",
        { tags: error.tags },
      );
    case "lockedDown":
      return conflict(
        `${error.featureIds.join(", ")} is locked down while its trial is undecided: only a rollback changes it. Wait for the ` +
          "decision (GET …/why tells when), or force it with ?force=true and a reason",
        { featureIds: error.featureIds },
      );
    case "overruled":
      return conflict(`${error.actor} closed it after the schedule was made: ${error.why}`, {});
    case "invalid":
      return fieldsProblem(context, error.errors);
  }
};
