// One test in words: the rate, the counts behind it, the bound or the holdout it is held against, and the evidence.
import type { Rule } from "../../shared/features/rule.ts";
import type { LogEvidence, TestReport } from "./decision.ts";
import { hasAlarmed } from "./failures.ts";
import { formatCount, formatDuration, formatOdds, formatRate, SIGNAL_TITLE } from "./format.ts";
import { BATCH_UNITS } from "./statistics/detector.ts";
import { rateOf } from "./statistics/tally.ts";

const holdoutText = (holdout: TestReport["holdout"]): string =>
  holdout === null
    ? "a holdout of nobody yet"
    : `${formatRate(holdout.s / holdout.n)} in the holdout (${formatCount(holdout.s)} of ${formatCount(holdout.n)})`;

/** "a floor of 15.0 %" or what else `bound` says, the holdout's rate, or both. */
const goalText = ({ against, holdout }: TestReport, bound: string): string => {
  switch (against) {
    case "threshold":
      return bound;
    case "holdout":
      return holdoutText(holdout);
    case "both":
      return `${bound} and ${holdoutText(holdout)}`;
  }
};

const leftOutText = (units: number): string =>
  units === 0 ? "" : `; ${formatCount(units)} left out, whose cohort was lowered meanwhile`;

/** "activation 11.2 % within 1 d (504 of 4,500 mature; 1,310 not yet mature) against a floor of 15.0 %" */
const describe = (test: TestReport, rule: Rule, isSinceFall: boolean): string => {
  const { signal, against, ageSeconds, threshold, treatment, immature, leftOut, rate } = test;
  const share = rate === null ? "unknown" : formatRate(rate);
  const counts = `${formatCount(treatment.s)} of ${formatCount(treatment.n)}`;
  const since = isSinceFall ? " since it became worse" : "";
  switch (signal) {
    case "activation":
    case "retention": {
      const age = ageSeconds === null ? "" : ` within ${formatDuration(ageSeconds)}`;
      const mature = isSinceFall
        ? `${counts} mature${since}`
        : `${counts} mature; ${formatCount(immature ?? 0)} not yet mature${leftOutText(leftOut ?? 0)}`;
      return `${SIGNAL_TITLE[signal]} ${share}${age} (${mature}) against ${goalText(test, `a floor of ${formatRate(threshold)}`)}`;
    }
    case "latency":
      return `latency: ${share} of requests slower than ${rule.latencyP95Threshold} ms (${counts}${since}) against ${goalText(test, `at most ${formatRate(threshold)} allowed`)}`;
    case "errorRate": {
      const what = against === "holdout" ? "requests failed or never ended" : "requests";
      return `error rate ${share} (${counts} ${what}${since}) against ${goalText(test, `at most ${formatRate(threshold)} allowed`)}`;
    }
  }
};

/** By the counts behind its alarm, where it has alarmed: those of the whole trial say nothing of a fall. */
export const describeRate = (test: TestReport, rule: Rule): string => {
  if (!hasAlarmed(test)) return describe(test, rule, false);
  const { treatment, holdout } = test.alarm;
  return describe({ ...test, treatment, holdout, rate: rateOf(treatment) }, rule, true);
};

const besideText = (comparison: LogEvidence | null): string =>
  comparison === null
    ? ""
    : `; beside the holdout ${formatOdds(comparison.logEvidence)}, needed ${formatOdds(comparison.logBar)}`;

/** What a test against the threshold cannot know, where there is a holdout. */
const blindnessText = ({ against, onlyTreatment, holdout, ageSeconds }: TestReport): string => {
  if (against !== "threshold" || holdout === null || ageSeconds === null) return "";
  const why =
    onlyTreatment === null
      ? "It is not compared with the holdout"
      : `The holdout cannot do it (0 of ${formatCount(holdout.n)}, evidence ${formatOdds(onlyTreatment.logEvidence)})`;
  return ` ${why}, so Sluice cannot know whether this befalls everybody.`;
};

/** "It has fallen since it was kept: evidence 9,100 : 1, needed 6,250 : 1. While it is no worse, …" */
const describeAlarm = (
  alarm: NonNullable<TestReport["alarm"]>,
  ageSeconds: TestReport["ageSeconds"],
): string => {
  const { logEvidence, logBar, comparison } = alarm;
  const every =
    ageSeconds === null
      ? `${formatCount(Math.exp(logBar))} buckets of requests`
      : `${formatCount(Math.exp(logBar))} batches of ${BATCH_UNITS} units`;
  return `It has fallen since it was kept: evidence ${formatOdds(logEvidence)}, needed ${formatOdds(logBar)}${besideText(comparison)}. A feature that stays good enough raises such an alarm once in at least ${every}, on average.`;
};

/** "Evidence 1.2e10 : 1, needed 6,250 : 1." */
export const describeEvidence = (test: TestReport): string => {
  const { logEvidence, logBar, against, ageSeconds, comparison } = test;
  const blindness = blindnessText(test);
  if (hasAlarmed(test)) return `${describeAlarm(test.alarm, ageSeconds)}${blindness}`;
  const scope = against === "holdout" && ageSeconds !== null ? " over all ages" : "";
  return `Evidence ${formatOdds(logEvidence)}${scope}, needed ${formatOdds(logBar)}${besideText(comparison)}.${blindness}`;
};
