// What an alarm of a kept feature comes to. Beside a holdout, misfortunes of everybody cancel. Where no holdout can tell, an alarm
// counts only while the visitors are of their usual nature: as many as ever, and as ready to do anything at all.
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { openingOf, unusualVolume } from "./accumulate-volume.ts";
import type { TestReport } from "./decision.ts";
import type { Evidence, OutcomeEvidence } from "./evidence.ts";
import { hasAlarmed, hasFallen } from "./failures.ts";
import { formatCount, formatRate, SIGNAL_TITLE } from "./format.ts";
import type { JudgedRule } from "./judged-rule.ts";
import { rateOf, type Tally } from "./statistics/tally.ts";

/** The other outcome has fallen as well when it has lost this part of what the alarmed one has lost. */
const SHARED_FALL = 1 / 3;
/** A smaller fall of the other outcome is chance. */
const LEAST_FALL = 0.05;

const OTHER = { activation: "retention", retention: "activation" } as const;

type Outcome = keyof typeof OTHER;

/** By which part the newest units do worse than all since the trial began; null while that is not known. */
const fallOf = (part: OutcomeEvidence | undefined): number | null => {
  if (part === undefined) return null;
  const [before, recent] = [rateOf(part.mature.treatment), rateOf(part.sinceKept.recent)];
  return before === null || before === 0 || recent === null ? null : 1 - recent / before;
};

/** The outcome of a test that goes by the visitors alone: nothing else says that its alarm is about the feature. */
const outcomeAlone = ({ signal, against }: TestReport): Outcome | null =>
  against === "threshold" && (signal === "activation" || signal === "retention") ? signal : null;

/** Whether the visitors do less of the other outcome too: then they are others than before. */
const areOthers = (outcome: Outcome | null, evidence: Evidence): outcome is Outcome => {
  if (outcome === null) return false;
  const fall = fallOf(evidence[outcome].at(-1));
  const other = fallOf(evidence[OTHER[outcome]][0]);
  return fall !== null && other !== null && other >= Math.max(LEAST_FALL, SHARED_FALL * fall);
};

const countsOf = ({ n, s }: Tally): string => `${formatCount(s)} of ${formatCount(n)}`;

/** Of one test; null: nothing to say. */
const warningOf = (test: TestReport, rule: JudgedRule, evidence: Evidence): string | null => {
  const title = SIGNAL_TITLE[test.signal];
  const outcome = outcomeAlone(test);
  if (hasFallen(test)) {
    const { treatment, holdout } = test.alarm;
    if (!hasAlarmed(test))
      return `${title} is worse than when the feature was kept (${countsOf(treatment)}), but not shown to be worse than the holdout's (${holdout === null ? "nobody" : countsOf(holdout)}): what befalls everybody closes nothing`;
    if (areOthers(outcome, evidence))
      return `${title} has fallen since the feature was kept (${countsOf(treatment)}), and ${SIGNAL_TITLE[OTHER[outcome]]} with it: these are other visitors than before, and no holdout can tell them from the feature; look yourself`;
  }
  if (outcome === null) return null;
  const part = evidence[outcome].at(-1);
  const volume =
    part === undefined || part.sinceKept.recent.n === 0
      ? null
      : unusualVolume(part, evidence.sampleRatio, openingOf(outcome, rule, agesOf(rule)));
  return volume === null
    ? null
    : `${formatRate(volume)} of the usual visitors came lately, so ${title} of these raises no alarm: no holdout can tell them from the feature`;
};

export type Watched = {
  /** The tests whose alarm rolls the feature back. */
  readonly alarmed: readonly TestReport[];
  /** What a person should look at; null: nothing. */
  readonly warning: string | null;
};

/** `tests`: those of the signals that are measured. */
export const watch = (tests: readonly TestReport[], rule: JudgedRule, evidence: Evidence): Watched => {
  const warnings = tests.flatMap((test) => warningOf(test, rule, evidence) ?? []);
  return {
    alarmed: tests.filter((test) => hasAlarmed(test) && !areOthers(outcomeAlone(test), evidence)),
    warning: warnings.length === 0 ? null : warnings.join("; "),
  };
};
