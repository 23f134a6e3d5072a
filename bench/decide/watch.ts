// The watch after KEEP: how often it alarms while the feature is exactly at its threshold, and how many users it needs to
// notice a drop after a long healthy life.
import { emptyEvidence, type OutcomeEvidence } from "../../origin/decide/evidence.ts";
import { BATCH_UNITS, logAlarm } from "../../origin/decide/statistics/detector.ts";
import { accumulateOutcomes } from "../../origin/decide/accumulate-outcomes.ts";
import { gridLogEvidence } from "../../origin/decide/statistics/rate-evidence.ts";
import { agesOf } from "../../shared/features/outcome-ages.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { drawBinomial, type Random } from "./binomial.ts";

const begin = (rule: Rule): OutcomeEvidence | undefined =>
  emptyEvidence(agesOf(rule), 0, { rolloutBps: 10_000, holdoutBps: 0 }).activation.at(-1);

/** One more batch of users with success rate p. */
const live = (part: OutcomeEvidence, rule: Rule, p: number, random: Random): OutcomeEvidence => {
  const bucket = {
    bucketS: part.accumulatedTo,
    treatment: { n: BATCH_UNITS, s: drawBinomial(BATCH_UNITS, p, random) },
    holdout: { n: 0, s: 0 },
  };
  const terms = { threshold: rule.activationThreshold, against: "threshold", isKept: true } as const;
  return accumulateOutcomes(part, [bucket], part.accumulatedTo + 1, terms);
};

/** Alarms in that many batches at the threshold itself; the detector begins anew after each. */
export const alarmsWhileHealthy = (
  rule: Rule,
  { batches, logBar }: { batches: number; logBar: number },
  random: Random,
): number => {
  let part = begin(rule);
  let alarms = 0;
  for (let batch = 0; batch < batches && part !== undefined; batch++) {
    part = live(part, rule, rule.activationThreshold, random);
    if (logAlarm(part.sinceKept.detector) < logBar) continue;
    alarms++;
    part = { ...part, sinceKept: { ...part.sinceKept, detector: [] } };
  }
  return alarms;
};

/**
 * Users from a drop to `ratio` of the threshold, after `healthyUsers` at `healthy` times the threshold, until the alarm and
 * until the evidence of the whole life would say so.
 */
export const usersToNotice = (
  rule: Rule,
  life: { healthyUsers: number; healthy: number; ratio: number; logBar: number },
  random: Random,
): { watched: number; cumulative: number } => {
  const { healthyUsers, healthy, ratio, logBar } = life;
  const p = rule.activationThreshold;
  let part = begin(rule);
  if (part === undefined) throw new Error("the rule has no activation window");
  for (let users = 0; users < healthyUsers; users += BATCH_UNITS) {
    part = live(part, rule, p * healthy, random);
    // A false alarm in the healthy part is counted elsewhere; here the feature is opened again.
    if (logAlarm(part.sinceKept.detector) >= logBar)
      part = { ...part, sinceKept: { ...part.sinceKept, detector: [] } };
  }
  let watched = Infinity;
  for (let users = BATCH_UNITS; users <= 100_000; users += BATCH_UNITS) {
    part = live(part, rule, p * ratio, random);
    if (watched === Infinity && logAlarm(part.sinceKept.detector) >= logBar) watched = users;
    if (gridLogEvidence(part.mature.treatment, p) >= logBar) return { watched, cumulative: users };
  }
  return { watched, cumulative: Infinity };
};
