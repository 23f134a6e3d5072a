// The words for what the audit holds.
import type { AuditEntry } from "../client.gen.ts";
import type { Word } from "../words.ts";

export const ACTIONS = {
  create: "Made",
  update: "Changed",
  rule: "Rule changed",
  rollout: "Rollout changed",
  enable: "Opened",
  rollback: "Rolled back",
  delete: "Deleted",
  segment: "Segment changed",
} as const;
export type Action = keyof typeof ACTIONS;

const isAction = (action: string): action is Action => Object.hasOwn(ACTIONS, action);
/** undefined: no such kind of change. */
export const actionOf = (action: string): Action | undefined => (isAction(action) ? action : undefined);
export const nameOfAction = (action: string): string => (isAction(action) ? ACTIONS[action] : action);

const TONES: Partial<Record<Action, Pick<Word, "tone" | "sign">>> = {
  rollback: { tone: "bad", sign: "↩" },
  enable: { tone: "good", sign: "○" },
  delete: { tone: "off", sign: "✕" },
};

export const badgeOfAction = (action: string): Word => ({
  word: nameOfAction(action),
  means: "What kind of change it was.",
  ...((isAction(action) ? TONES[action] : undefined) ?? { tone: "calm", sign: "·" }),
});

type Cause = NonNullable<AuditEntry["cause"]>;
export const CAUSES: Readonly<Record<Cause, { readonly name: string; readonly means: string }>> = {
  evidence: { name: "Evidence", means: "Sluice decided: the evidence against the feature reached its bar." },
  alert: { name: "Alert", means: "An alerting system closed it by a hook." },
  person: { name: "By hand", means: "Somebody closed it." },
  dependency: { name: "Dependency", means: "A feature that it requires was closed." },
  edge: { name: "Kept closed", means: "An edge held it closed, and the database had forgotten that." },
};
const isCause = (cause: string): cause is Cause => Object.hasOwn(CAUSES, cause);
/** undefined: no such cause. */
export const causeOf = (cause: string): Cause | undefined => (isCause(cause) ? cause : undefined);
