// Why a request for approval is not decided as it was asked, or its change not carried out. The admin API turns each reason into a
// status and a sentence.
import type { ChangeError } from "../change-error.ts";
import type { ShownApproval } from "./approval-request.ts";
import type { Moved } from "./what-moved.ts";

export type ApprovalError =
  | { readonly reason: "notFound" }
  /** It was decided, or its time is over. */
  | { readonly reason: "notOpen"; readonly request: ShownApproval }
  /** A newer version asked for it: this one cannot read what would be carried out. */
  | { readonly reason: "newerVersion"; readonly kind: string }
  | { readonly reason: "otherHash"; readonly have: string }
  | { readonly reason: "ownRequest" }
  | { readonly reason: "unnamedApprover" }
  | { readonly reason: "notTheirs"; readonly askedBy: string }
  | { readonly reason: "foreignTags" }
  | { readonly reason: "needsAdmin" }
  | { readonly reason: "stale"; readonly moved: readonly Moved[] }
  /** The change is refused as it stands; the request waits. */
  | { readonly reason: "refused"; readonly error: ChangeError };
