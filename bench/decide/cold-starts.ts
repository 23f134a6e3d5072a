// Latency without a holdout on sites whose slow requests come at quiet times, or in bursts with a crowd: the share of requests that
// are slow is within the bound, whatever single buckets of time show.
import { accumulateRequests, leastForWeight, SLOW_SHARE } from "../../origin/decide/accumulate-requests.ts";
import { rollbackLogBar } from "../../origin/decide/alpha-shares.ts";
import { EMPTY_TRAFFIC, emptyEvidence, type TrafficEvidence } from "../../origin/decide/evidence.ts";
import { hasFailed } from "../../origin/decide/failures.ts";
import { rollbackTests } from "../../origin/decide/rollback-tests.ts";
import { logMeanExp } from "../../origin/decide/statistics/log-sum-exp.ts";
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { drawBinomial, type Random } from "./binomial.ts";
import { ruleFor } from "./rules.ts";

type Minute = { readonly requests: number; readonly slow: number };

export type SlowSite = {
  readonly name: string;
  readonly days: number;
  readonly minuteAt: (minute: number, random: Random) => Minute;
};

const MINUTES_A_DAY = 1_440;
const NIGHT = MINUTES_A_DAY / 3;

type Rate = { readonly requests: number; readonly slow: number };

/** `begins`: minutes after the beginning of a night. */
const nightly = (
  name: string,
  { day, night, begins }: { day: Rate; night: Rate; begins: number },
): SlowSite => ({
  name,
  days: 14,
  minuteAt: (minute, random) => {
    const { requests, slow } = (minute + begins) % MINUTES_A_DAY < NIGHT ? night : day;
    return { requests, slow: drawBinomial(requests, slow, random) };
  },
});

const BUSY = { day: { requests: 1_000, slow: 0.001 }, night: { requests: 2, slow: 0.25 } };
const NEW = { day: { requests: 20, slow: 0.01 }, night: { requests: 1, slow: 0.25 } };

export const SLOW_SITES: readonly SlowSite[] = [
  nightly("cold starts: 1,000 a minute, 0.1 % slow; nights of 2 a minute, 25 % slow", {
    ...BUSY,
    begins: NIGHT,
  }),
  nightly("the same site, begun with the night", { ...BUSY, begins: 0 }),
  nightly("the same site, begun an hour before the night", { ...BUSY, begins: MINUTES_A_DAY - 60 }),
  nightly("a new site: 20 a minute, 1 % slow; nights of 1 a minute, 25 % slow", { ...NEW, begins: NIGHT }),
  nightly("the same new site, begun with the night", { ...NEW, begins: 0 }),
  {
    name: "bursts: 200 a minute, 1 % slow; one minute in 50 has twice as many, 60 % slow",
    days: 3,
    minuteAt: (minute, random) => {
      const [requests, rate] = random() < 0.02 ? [400, 0.6] : [200, 0.01];
      return { requests, slow: drawBinomial(requests, rate, random) };
    },
  },
];

/** Of a feature that is to be found. */
export const steadySite = (rate: number, requests = 200): SlowSite => ({
  name: `${rate * 100} % slow at ${requests} a minute`,
  days: 3,
  minuteAt: (_minute, random) => ({ requests, slow: drawBinomial(requests, rate, random) }),
});

const RULE = ruleFor({
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  activationWindowSeconds: 300,
  retentionWindowSeconds: 3_600,
  returnAfterSeconds: 300,
});
const EMPTY = emptyEvidence(agesOf(RULE), 0, { rolloutBps: 10_000, holdoutBps: 0 });
const LOG_BAR = rollbackLogBar(RULE, "latency");
const TERMS = { threshold: SLOW_SHARE, against: "threshold", isKept: false } as const;
const NOBODY = { n: 0, s: 0 };

/**
 * A life whose first day has left it this far below the bar ends here: a day of these sites multiplies the evidence by less than 1 on
 * average, so the chance that it ever comes back is below e^-20 (Ville), and no number of lives that fits a bench shows it.
 */
const OUT_OF_REACH = 20;

const isRolledBack = (latency: TrafficEvidence): boolean =>
  rollbackTests(RULE, {
    ...EMPTY,
    exposed: { ...EMPTY.exposed, treatment: RULE.minCohortSize },
    traffic: { ...EMPTY.traffic, latency },
  }).some(hasFailed);

/** Minutes until the rollback; null: never. Buckets of a minute. */
export const minutesToSlowRollback = ({ days, minuteAt }: SlowSite, random: Random): number | null => {
  let latency = EMPTY_TRAFFIC;
  for (let minute = 0; minute < days * MINUTES_A_DAY; minute++) {
    const { requests, slow } = minuteAt(minute, random);
    const bucket = { treatment: { n: requests, s: slow }, holdout: NOBODY };
    latency = accumulateRequests(latency, bucket, TERMS, leastForWeight(TERMS, minute * 60));
    const logEvidence = logMeanExp(latency.aboveBound);
    if (logEvidence >= LOG_BAR && isRolledBack(latency)) return minute;
    if (minute >= MINUTES_A_DAY && logEvidence < LOG_BAR - OUT_OF_REACH) return null;
  }
  return null;
};
