import type { AuditEntry } from "../client.gen.ts";

/** The kinds of changes in words. */
export const ACTIONS: Readonly<Record<string, string>> = {
  create: "Made",
  update: "Changed",
  delete: "Deleted",
  rule: "Rule changed",
  rollout: "Rollout changed",
  enable: "Opened",
  rollback: "Rolled back",
};

/** An entry of the audit in two or three words. */
export const changeName = ({ action, details }: Pick<AuditEntry, "action" | "details">): string => {
  if (action === "rollout" && details["newTrial"] === true) return "Evidence started over";
  if (details["ramp"] === "paused") return "Ramp paused";
  if (details["ramp"] === "resumed") return "Ramp goes on";
  return ACTIONS[action] ?? action;
};
