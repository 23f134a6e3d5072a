// Every way of being judged for which no exact computation exists, as features that meet their rule exactly. Whatever is
// judged together may spend the whole of α together.
import { emptyEvidence, type Evidence } from "../../origin/decide/evidence.ts";
import { SLOW_SHARE } from "../../origin/decide/accumulate-requests.ts";
import { gridLogKeepEvidence } from "../../origin/decide/statistics/rate-evidence.ts";
import { alphaShares } from "../../origin/decide/alpha-shares.ts";
import type { SignalName } from "../../origin/decide/decision.ts";
import { agesOf } from "../../shared/features/outcome-ages.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { ACTIVATED_BY_AGE, RETURNED_BY_AGE } from "./delays.ts";
import { ruleFor } from "./rules.ts";
import { latencySignal, outcomeSignal, type OutcomeDesign, type SimulatedSignal } from "./signal-lives.ts";
import type { Configuration } from "./tilted.ts";

type Design = {
  readonly judged: readonly ("activation" | "retention" | "latency")[];
  /** Rate of both outcomes; the rule's thresholds. */
  readonly rate: number;
  readonly against: "threshold" | "holdout";
  /** Exposed a bucket. */
  readonly units: OutcomeDesign["units"];
  readonly pageViews: number;
  readonly buckets: number;
  /** Outcomes known after one age, or as late as in production. */
  readonly delayed: boolean;
  /** Share of treatment's activations by each age, where it is not the holdout's. */
  readonly treatedByAge?: readonly number[];
};

/** Nothing seen but enough exposures for requests to count. */
const emptyOf = (rule: Rule): Evidence => {
  const empty = emptyEvidence(agesOf(rule), 0, { rolloutBps: 5000, holdoutBps: 5000 });
  return { ...empty, exposed: { ...empty.exposed, treatment: rule.minCohortSize } };
};

const ONE_AGE = { activationWindowSeconds: 900 };

const configure = (alpha: number, design: Design): Configuration => {
  const { judged, rate, against, units, pageViews, buckets, delayed, treatedByAge } = design;
  const asked = ruleFor({
    activationThreshold: rate,
    retentionThreshold: judged.includes("retention") ? rate : 0,
    compare: { activation: against, retention: against, latency: against },
    ...(delayed ? {} : ONE_AGE),
  });
  const shares = alphaShares(asked);
  const spent = judged.reduce((sum, name: SignalName) => sum + shares[name], 0);
  const rule = { ...asked, falseRollbackRate: alpha / spent };
  const empty = emptyOf(rule);
  const signals = judged.map((name) => ({
    share: shares[name],
    signal:
      name === "latency"
        ? latencySignal(rule, empty, { buckets, pageViews })
        : outcomeSignal(rule, empty, {
            signal: name,
            rate,
            byAge: name === "retention" ? RETURNED_BY_AGE : delayed ? ACTIVATED_BY_AGE : [1],
            ...(treatedByAge === undefined ? {} : { treatedByAge }),
            units,
            buckets,
          }),
  }));
  return { signals, spent, product: { rule, empty } };
};

const EVEN = { treatment: 50, holdout: 50 };
const MOSTLY = { treatment: 90, holdout: 10 };
const PAIRS = { treatment: 1, holdout: 1 };
const USUAL = { units: EVEN, pageViews: 30, buckets: 240, delayed: true, against: "holdout" } as const;
const THREE = ["activation", "retention", "latency"] as const;

export type Named = { readonly name: string; readonly configuration: Configuration };

export const configurations = (alpha: number, thresholds: readonly number[]): Named[] => {
  const named = (name: string, design: Design): Named => ({ name, configuration: configure(alpha, design) });
  return [
    ...thresholds.flatMap((rate) => [
      named(`one signal, holdout 50:50, delayed, p = ${rate}`, { ...USUAL, judged: ["activation"], rate }),
      named(`one signal, holdout 90:10, delayed, p = ${rate}`, {
        ...USUAL,
        judged: ["activation"],
        rate,
        units: MOSTLY,
      }),
      named(`one signal, holdout 1:1, a look at every pair, p = ${rate}`, {
        ...USUAL,
        judged: ["activation"],
        rate,
        units: PAIRS,
        buckets: 5_000,
        delayed: false,
      }),
    ]),
    ...thresholds.flatMap((rate) => [
      named(`three signals, no holdout, delayed, bursts, p = ${rate}`, {
        ...USUAL,
        judged: THREE,
        rate,
        against: "threshold",
      }),
      named(`three signals, holdout 50:50, delayed, bursts, p = ${rate}`, { ...USUAL, judged: THREE, rate }),
      named(`three signals, holdout 90:10, delayed, bursts, p = ${rate}`, {
        ...USUAL,
        judged: THREE,
        rate,
        units: MOSTLY,
      }),
    ]),
    ...[5, 30].flatMap((pageViews) =>
      (["threshold", "holdout"] as const).map((against) =>
        named(
          `bursty latency, ${pageViews} page views a bucket, ${against === "holdout" ? "holdout" : "no holdout"}`,
          {
            ...USUAL,
            judged: ["latency"],
            rate: 0.15,
            against,
            pageViews,
            buckets: 480,
          },
        ),
      ),
    ),
  ];
};

const SOONER = [
  { how: "a little", treatedByAge: [0.05, 0.1, 0.2, 0.6, 1] },
  { how: "much", treatedByAge: [0.5, 0.6, 0.7, 0.9, 1] },
] as const;

/** Features with which people act sooner, and as many of them in the end. */
export const soonerConfigurations = (alpha: number, rate: number): Named[] =>
  SOONER.map(({ how, treatedByAge }) => ({
    name: `one signal, holdout 50:50, acts ${how} sooner, p = ${rate}`,
    configuration: configure(alpha, { ...USUAL, judged: ["activation"], rate, treatedByAge }),
  }));

/** Latency without a holdout as if every request were independent, which it is not: what the product does not do. */
export const countingEveryRequest = (pageViews: number): Configuration => {
  const rule = ruleFor({ activationThreshold: 0.15 });
  const empty = emptyOf(rule);
  const latency = latencySignal(rule, empty, { buckets: 480, pageViews });
  const begin: SimulatedSignal["begin"] = (tilt, random) => {
    const life = latency.begin(tilt, random);
    const requests = () => life.into(empty).traffic.latency.requests.treatment;
    return { ...life, logEvidence: () => gridLogKeepEvidence(requests(), SLOW_SHARE) };
  };
  return { signals: [{ signal: { ...latency, begin }, share: 1 }], spent: 1, product: null };
};
