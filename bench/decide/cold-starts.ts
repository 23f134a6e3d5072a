// Latency without a holdout on sites whose slow requests come at quiet times, or in bursts with a crowd: the share of requests that
// are slow is within the bound, whatever single buckets of time show.
import { accumulateTraffic } from "../../origin/decide/accumulate-requests.ts";
import { emptyEvidence } from "../../origin/decide/evidence.ts";
import { rollbackTests } from "../../origin/decide/rollback-tests.ts";
import { hasFailed } from "../../origin/decide/failures.ts";
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
/** A trial begins in the morning: one that begins at night has seen nothing but the night, and says so. */
const isNight = (minute: number) => minute % MINUTES_A_DAY >= (2 * MINUTES_A_DAY) / 3;

export const SLOW_SITES: readonly SlowSite[] = [
  {
    name: "cold starts: 1,000 a minute, 0.1 % slow; nights of 2 a minute, 25 % slow",
    days: 14,
    minuteAt: (minute, random) => {
      const [requests, rate] = isNight(minute) ? [2, 0.25] : [1_000, 0.001];
      return { requests, slow: drawBinomial(requests, rate, random) };
    },
  },
  {
    name: "a new site: 20 a minute, 1 % slow; nights of 1 a minute, 25 % slow",
    days: 14,
    minuteAt: (minute, random) => {
      const [requests, rate] = isNight(minute) ? [1, 0.25] : [20, 0.01];
      return { requests, slow: drawBinomial(requests, rate, random) };
    },
  },
  {
    name: "bursts: 200 a minute, 1 % slow; one minute in 50 has twice as many, 60 % slow",
    days: 3,
    minuteAt: (minute, random) => {
      const [requests, rate] = random() < 0.02 ? [400, 0.6] : [200, 0.01];
      return { requests, slow: drawBinomial(requests, rate, random) };
    },
  },
];

/** Of a feature that is to be found: 8 % slow at 200 a minute, and 20 %. */
export const steadySite = (rate: number): SlowSite => ({
  name: `${rate * 100} % slow at 200 a minute`,
  days: 3,
  minuteAt: (_minute, random) => ({ requests: 200, slow: drawBinomial(200, rate, random) }),
});

/** Minutes until the rollback; null: never. Buckets of a minute. */
export const minutesToSlowRollback = ({ days, minuteAt }: SlowSite, random: Random): number | null => {
  const rule = ruleFor({
    activationThreshold: 0.15,
    retentionThreshold: 0.4,
    activationWindowSeconds: 300,
    retentionWindowSeconds: 3_600,
    returnAfterSeconds: 300,
  });
  const ages = agesOf(rule);
  const empty = emptyEvidence(ages, 0, { rolloutBps: 10_000, holdoutBps: 0 });
  const exposed = { ...empty, exposed: { ...empty.exposed, treatment: rule.minCohortSize } };
  let { traffic } = empty;
  for (let minute = 0; minute < days * MINUTES_A_DAY; minute++) {
    const { requests, slow } = minuteAt(minute, random);
    const nobody = { n: 0, s: 0 };
    const bucket = {
      bucketS: minute * ages.bucketSeconds,
      latency: { treatment: { n: requests, s: slow }, holdout: nobody },
      errors: { treatment: { n: requests, s: 0 }, holdout: nobody },
    };
    traffic = accumulateTraffic(traffic, [bucket], bucket.bucketS + ages.bucketSeconds, {
      rule,
      isKept: false,
    });
    if (rollbackTests(rule, { ...exposed, traffic }).some(hasFailed)) return minute;
  }
  return null;
};
