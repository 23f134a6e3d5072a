// Which news an entry of the audit or an evaluation is. Pure.
import { z } from "zod";
import type { EventName } from "../../shared/notifications/events.ts";
import type { Announcement } from "./announce.ts";
import type { SignalCounts } from "./announcement.ts";

const Tally = z.object({ n: z.number(), s: z.number() });

/** The part of a decision's tests that is told. */
export const TestCounts = z.object({
  signal: z.string(),
  ageSeconds: z.number().nullish(),
  threshold: z.number(),
  treatment: Tally,
  holdout: Tally.nullable(),
});
type TestCounts = z.infer<typeof TestCounts>;

/** One row for each signal, at its greatest age; with `cause` those signals alone. */
export const countsOf = (
  tests: readonly TestCounts[] | null,
  cause: readonly string[] | null,
): SignalCounts[] => {
  const oldest = new Map<string, TestCounts>();
  for (const test of tests ?? []) {
    if (cause !== null && cause.length > 0 && !cause.includes(test.signal)) continue;
    const known = oldest.get(test.signal);
    if (known === undefined || (test.ageSeconds ?? 0) >= (known.ageSeconds ?? 0))
      oldest.set(test.signal, test);
  }
  return [...oldest.values()].map(({ signal, threshold, treatment, holdout }) => ({
    signal,
    threshold,
    treatment,
    holdout,
  }));
};

export type ChangeRow = {
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly featureId: string;
  readonly reason: string;
  readonly revision: number;
  readonly isNewTrial: boolean | null;
  /** null: those of the feature now. */
  readonly tags: string[] | null;
  readonly tests: TestCounts[] | null;
  readonly cause: string[] | null;
};

const CHANGE_EVENTS: Readonly<Record<string, EventName>> = {
  create: "feature.created",
  update: "feature.changed",
  delete: "feature.deleted",
  rule: "feature.ruleChanged",
  rollout: "feature.rolloutChanged",
  enable: "feature.opened",
  rollback: "feature.rolledBack",
};

/** A kind of change that this version does not know is a change all the same. */
const eventOfChange = ({ action, isNewTrial }: ChangeRow): EventName =>
  isNewTrial === true ? "feature.trialRestarted" : (CHANGE_EVENTS[action] ?? "feature.changed");

/** Rows of the audit that are about no feature. Those of policies are told as operator events. */
const NOT_TOLD: ReadonlySet<string> = new Set(["hook", "target", "policy", "token", "forget"]);

export const newsOfChange = (change: ChangeRow): Announcement[] => {
  if (NOT_TOLD.has(change.action)) return [];
  const { at, actor, featureId, reason, revision, tags, tests, cause } = change;
  const news = { at, actor, featureId, reason, revision, counts: countsOf(tests, cause) };
  return [{ event: eventOfChange(change), ...news, ...(tags === null ? {} : { tags }) }];
};

export type EvaluationRow = {
  readonly id: number;
  readonly at: Date;
  readonly featureId: string;
  readonly mode: string;
  readonly state: string;
  /** Of the same epoch's evaluation before; null: it is the first. */
  readonly stateBefore: string | null;
  readonly reason: string;
  readonly tests: TestCounts[] | null;
  readonly cause: string[] | null;
};

/** A rollback that is carried out is in the audit. */
const eventOfEvaluation = ({ state, mode }: EvaluationRow): EventName | null => {
  switch (state) {
    case "KEEP":
      return "feature.kept";
    case "UNDECIDED":
      return "feature.undecided";
    case "INVALID":
      return "feature.untrusted";
    case "ROLLBACK":
      return mode === "shadow" ? "feature.wouldRollBack" : null;
    default:
      return null;
  }
};

/** Only what is new: a state that goes on is not told again. */
export const newsOfEvaluation = (evaluation: EvaluationRow): Announcement[] => {
  const { at, featureId, reason, state, stateBefore, tests, cause } = evaluation;
  const event = eventOfEvaluation(evaluation);
  return event === null || state === stateBefore
    ? []
    : [{ event, at, featureId, reason, counts: countsOf(tests, cause) }];
};

/**
 * The rows up to the first missing id. It may be of a process that has not committed yet, and a reader that went on would never
 * see it. A row that is settled is so old that the id before it will not come any more.
 */
export const withoutGaps = <R extends { readonly id: number; readonly isSettled: boolean }>(
  rows: readonly R[],
  after: number,
): readonly R[] => {
  const gap = rows.findIndex(({ id, isSettled }, at) => id !== (rows[at - 1]?.id ?? after) + 1 && !isSettled);
  return gap === -1 ? rows : rows.slice(0, gap);
};
