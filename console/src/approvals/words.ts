// The words for changes that wait and changes that are planned.
import type { Approval, Schedule } from "../client.gen.ts";
import { formatBps } from "../format.ts";
import type { Word } from "../words.ts";

export const APPROVAL_STATES: Readonly<
  Record<Approval["state"], Pick<Word, "word" | "tone" | "sign" | "means">>
> = {
  open: { word: "Waits", tone: "calm", sign: "…", means: "It waits for a second person." },
  approved: { word: "Approved", tone: "calm", sign: "✓", means: "It is being carried out." },
  applied: { word: "Carried out", tone: "good", sign: "✓", means: "It was approved and carried out." },
  rejected: { word: "Rejected", tone: "off", sign: "✕", means: "A second person said no." },
  withdrawn: { word: "Withdrawn", tone: "off", sign: "✕", means: "Who asked for it took it back." },
  stale: {
    word: "Stale",
    tone: "warn",
    sign: "!",
    means: "A feature changed first, so nothing was carried out.",
  },
  failed: { word: "Failed", tone: "bad", sign: "!", means: "It was approved, and could not be carried out." },
  expired: { word: "Expired", tone: "off", sign: "✕", means: "Nobody decided in time." },
};

export const SCHEDULE_STATES: Readonly<
  Record<Schedule["state"], Pick<Word, "word" | "tone" | "sign" | "means">>
> = {
  planned: { word: "Planned", tone: "calm", sign: "…", means: "It is carried out at its time." },
  done: { word: "Done", tone: "good", sign: "✓", means: "It was carried out." },
  skipped: { word: "Left out", tone: "warn", sign: "!", means: "It was due, and not carried out." },
  failed: { word: "Failed", tone: "bad", sign: "!", means: "It could not be carried out." },
  cancelled: { word: "Cancelled", tone: "off", sign: "✕", means: "Somebody cancelled it." },
};

type Change = Approval["change"] | Schedule["change"];

/** Empty where the change leaves the rollout as it is. */
const rolloutText = (change: Change): string => {
  const shares: unknown = change["shares"];
  const rolloutBps =
    typeof shares === "object" && shares !== null && "rolloutBps" in shares ? shares.rolloutBps : undefined;
  return typeof rolloutBps === "number" ? ` ${formatBps(rolloutBps)}` : "";
};

/** What a proposed change does, in a few words. */
export const changeText = (change: Change): string => {
  switch (change.kind) {
    case "enable":
      return rolloutText(change) === "" ? "Open it" : `Open it for${rolloutText(change)}`;
    case "rollback":
      return "Close it";
    case "rollout":
      return `Rollout to${rolloutText(change)}`;
    case "restart":
      return "Let its trial begin anew";
    case "rule":
      return "Change its rule";
    case "update":
      return `Change ${Object.keys(change["edit"] ?? {}).join(", ")}`;
    case "create":
      return "Make it";
    case "delete":
      return "Delete it";
    case "policy":
      return "Change the approval policy";
    case "schedule":
      return "Plan a change";
    case "plan":
      return "Apply configuration files";
    default:
      return change.kind;
  }
};
