// What a feature burns: requests, time and money, as far as they are known. Pure. What cannot be known is null, with the reason.
import { quantile, totalOf, type Sketch } from "../../../shared/telemetry/latency-sketch.ts";

export type Price = {
  /** null: none is set. */
  readonly value: number | null;
  readonly source: string;
};

export type Prices = {
  readonly currency: string;
  readonly perMillionRequests: Price;
  readonly perUpstreamHour: Price;
};

/** Cloudflare Workers, plan "Paid", beyond the included requests. */
const DEFAULT_PER_MILLION_REQUESTS = {
  value: 0.3,
  source: "https://developers.cloudflare.com/workers/platform/pricing/, as others quoted it on 2026-08-03",
};

/** Undefined: not set. */
export const pricesOf = (set: {
  readonly currency: string;
  readonly perMillionRequests?: number | undefined;
  readonly perUpstreamHour?: number | undefined;
}): Prices => ({
  currency: set.currency,
  perMillionRequests:
    set.perMillionRequests === undefined
      ? set.currency === "USD"
        ? DEFAULT_PER_MILLION_REQUESTS
        : { value: null, source: `no price in ${set.currency} is set` }
      : { value: set.perMillionRequests, source: "set by the operator" },
  perUpstreamHour: {
    value: set.perUpstreamHour ?? null,
    source:
      set.perUpstreamHour === undefined
        ? "no price of an hour of the upstream's time is set"
        : "set by the operator",
  },
});

type Known<T> = { readonly value: T; readonly why: null } | { readonly value: null; readonly why: string };
const unknown = (why: string) => ({ value: null, why });
const known = <T>(value: T) => ({ value, why: null });

export type LatencyDifference = {
  /** Milliseconds of treatment beyond the holdout: the mean, and the 95th percentile. */
  readonly meanMs: number;
  readonly p95Ms: number;
  readonly treatmentRequests: number;
  readonly holdoutRequests: number;
};

export type Burn = {
  /** Requests of treatment that were followed to their end in the time of the review: at least so many there were. */
  readonly requests: Known<number>;
  readonly latency: Known<LatencyDifference>;
  /** In the currency of the prices, for the time of the review. */
  readonly requestCost: Known<number>;
  readonly latencyCost: Known<number>;
};

/** Below this a mean says little beside the spread of latencies. */
const MIN_REQUESTS = 500;

const meanMs = (sketch: Sketch): number => {
  let sum = 0;
  let total = 0;
  for (const [position, count] of sketch.entries()) {
    if (count === 0) continue;
    // The geometric middle of the bin, as in `quantile`.
    sum += count * 2 ** ((position + 0.5) / 32 - 10);
    total += count;
  }
  return sum / total;
};

export const latencyDifference = (
  cohorts: { readonly treatment: Sketch; readonly holdout: Sketch } | null,
): Known<LatencyDifference> => {
  if (cohorts === null) return unknown("it has no trial that counts latencies");
  const { treatment, holdout } = cohorts;
  const [treatmentRequests, holdoutRequests] = [totalOf(treatment), totalOf(holdout)];
  if (holdoutRequests === 0) return unknown("it has no holdout to compare with");
  if (treatmentRequests < MIN_REQUESTS || holdoutRequests < MIN_REQUESTS)
    return unknown(
      `there are fewer than ${MIN_REQUESTS} requests of a cohort (treatment ${treatmentRequests}, holdout ${holdoutRequests})`,
    );
  return known({
    meanMs: meanMs(treatment) - meanMs(holdout),
    p95Ms: (quantile(treatment, 0.95) ?? 0) - (quantile(holdout, 0.95) ?? 0),
    treatmentRequests,
    holdoutRequests,
  });
};

export const burnOf = (requests: number | null, latency: Known<LatencyDifference>, prices: Prices): Burn => {
  const { perMillionRequests, perUpstreamHour } = prices;
  const counted =
    requests === null
      ? unknown("its requests were not counted: too many features are zombies")
      : known(requests);
  const costOf = (price: Price, amount: number): Known<number> =>
    price.value === null ? unknown(price.source) : known(amount * price.value);
  const latencyCost = (): Known<number> => {
    if (requests === null) return counted;
    if (latency.value === null) return unknown(latency.why);
    const extraMs = Math.max(0, latency.value.meanMs);
    return costOf(perUpstreamHour, (requests * extraMs) / 3_600_000);
  };
  return {
    requests: counted,
    latency,
    requestCost: requests === null ? counted : costOf(perMillionRequests, requests / 1e6),
    latencyCost: latencyCost(),
  };
};
