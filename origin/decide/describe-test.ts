// One test in words: the rate, the counts behind it, the bound or the holdout it is held against, and the evidence.
import type { Rule } from "../../shared/features/rule.ts";
import type { TestReport } from "./decision.ts";
import { formatCount, formatDuration, formatOdds, formatRate, SIGNAL_TITLE } from "./format.ts";

const holdoutText = (holdout: TestReport["holdout"]): string =>
  holdout === null
    ? "a holdout of nobody yet"
    : `${formatRate(holdout.s / holdout.n)} in the holdout (${formatCount(holdout.s)} of ${formatCount(holdout.n)})`;

/** "activation 11.2 % within 1 d (504 of 4,500 mature; 1,310 not yet mature) against a floor of 15.0 %" */
export const describeRate = (test: TestReport, rule: Rule): string => {
  const { signal, against, ageSeconds, threshold, treatment, holdout, immature, rate } = test;
  const share = rate === null ? "unknown" : formatRate(rate);
  const counts = `${formatCount(treatment.s)} of ${formatCount(treatment.n)}`;
  switch (signal) {
    case "activation":
    case "retention": {
      const age = ageSeconds === null ? "" : ` within ${formatDuration(ageSeconds)}`;
      const goal = against === "holdout" ? holdoutText(holdout) : `a floor of ${formatRate(threshold)}`;
      return `${SIGNAL_TITLE[signal]} ${share}${age} (${counts} mature; ${formatCount(immature ?? 0)} not yet mature) against ${goal}`;
    }
    case "latency": {
      const goal = against === "holdout" ? holdoutText(holdout) : `at most ${formatRate(threshold)} allowed`;
      return `latency: ${share} of requests slower than ${rule.latencyP95Threshold} ms (${counts}) against ${goal}`;
    }
    case "errorRate": {
      const goal = against === "holdout" ? holdoutText(holdout) : `at most ${formatRate(threshold)} allowed`;
      return `error rate ${share} (${counts} requests) against ${goal}`;
    }
  }
};

/** "Evidence 1.2e10 : 1, needed 6,250 : 1." */
export const describeEvidence = ({ logEvidence, logBar, alarm, against, ageSeconds }: TestReport): string => {
  if (alarm !== null && logEvidence < logBar && alarm.logEvidence >= alarm.logBar)
    return `It has fallen since it was kept: evidence ${formatOdds(alarm.logEvidence)}, needed ${formatOdds(alarm.logBar)}.`;
  const scope = against === "holdout" && ageSeconds !== null ? " over all ages" : "";
  return `Evidence ${formatOdds(logEvidence)}${scope}, needed ${formatOdds(logBar)}.`;
};
