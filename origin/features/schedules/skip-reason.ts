// Whether a change that was refused at its time is skipped, because the feature is not as it was planned for, or has failed.
import type { ChangeError } from "../change-error.ts";

export type Refusal = { readonly state: "skipped" | "failed"; readonly note: string };

const skipped = (note: string): Refusal => ({ state: "skipped", note });
const failed = (note: string): Refusal => ({ state: "failed", note });

export const refusalOf = (error: ChangeError): Refusal => {
  switch (error.reason) {
    case "overruled":
      return skipped(
        `${error.actor} ${error.action === "delete" ? "deleted" : "rolled back"} the feature on ${error.at.toISOString()}, after the schedule was made: ${error.why}`,
      );
    case "notFound":
      return skipped("the feature does not exist any more");
    case "alreadyClosed":
      return skipped("the feature is closed");
    case "alreadyOpen":
      return skipped("the feature is open already");
    case "approvalNeeded":
      return skipped(
        `features with the tag ${error.tags.join(" or ")} are changed by two people since, and nobody approved the schedule`,
      );
    case "lockedDown":
      return skipped("the feature is locked down while its trial is undecided");
    case "requirementClosed":
      return failed(`it requires ${error.featureIds.join(", ")}, which is closed`);
    case "requiredBy":
      return failed(`it is required by ${error.featureIds.join(", ")}`);
    case "tooLarge":
      return failed(
        `all features together would have ${error.bytes} bytes, and the edges take ${error.limit}`,
      );
    case "invalid":
      return failed(error.errors.map(({ field, reason }) => `${field}: ${reason}`).join("; "));
    case "alreadyExists":
    case "versionConflict":
    case "epochConflict":
    case "foreignTags":
      return failed(`refused: ${error.reason}`);
  }
};
