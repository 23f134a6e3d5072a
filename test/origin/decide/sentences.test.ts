// What is tested is what is said: whatever happened to a feature, the counts in the sentence of its rollback are on the bad side.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { accumulateExposures } from "../../../origin/decide/accumulate-exposures.ts";
import { accumulateOutcomes } from "../../../origin/decide/accumulate-outcomes.ts";
import { accumulateTraffic } from "../../../origin/decide/accumulate-requests.ts";
import { decide } from "../../../origin/decide/decide.ts";
import { emptyEvidence, type Evidence } from "../../../origin/decide/evidence.ts";
import { againstOf, judgedRule, type JudgedRule } from "../../../origin/decide/judged-rule.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ROLLOUT = { rolloutBps: 5000, holdoutBps: 5000 };

/** A phase of a life: so many buckets, with so many units or requests each, and the shares that do badly. */
const phase = fc.record({
  buckets: fc.integer({ min: 1, max: 60 }),
  n: fc.constantFrom(1, 2, 20, 500, 2000),
  treatment: fc.constantFrom(0, 0.002, 0.05, 0.2, 0.5, 0.9, 1),
  holdout: fc.constantFrom(0, 0.002, 0.05, 0.2, 0.5, 0.9, 1),
});
const phases = fc.array(phase, { minLength: 1, maxLength: 4 });
const against = fc.constantFrom("threshold" as const, "holdout" as const, "both" as const, undefined);
const lives = fc.record({
  hasHoldout: fc.boolean(),
  isKept: fc.boolean(),
  compare: fc.record({ activation: against, retention: against, latency: against, errorRate: against }),
  errorRateThreshold: fc.constantFrom(undefined, 0.01, 0.3),
  activation: phases,
  latency: phases,
  errors: phases,
});

const bucketsOf = (
  all: readonly (typeof phase extends fc.Arbitrary<infer T> ? T : never)[],
  hasHoldout: boolean,
) =>
  all.flatMap(({ buckets, n, treatment, holdout }) =>
    Array.from({ length: buckets }, () => ({
      treatment: { n, s: Math.round(n * treatment) },
      holdout: hasHoldout ? { n, s: Math.round(n * holdout) } : { n: 0, s: 0 },
    })),
  );

/** "12.3 %" as 0.123. */
const share = (text: string): number => Number(text) / 100;
/** Rates are written with two or three digits. */
const ROUNDING = 1.011;

/**
 * Each cause in a sentence: its share by its own counts, the bound that it is held against, and the holdout's share by its counts.
 */
const causesIn = (reason: string) =>
  [
    ...reason.matchAll(
      /(activation|retention|latency|error rate)[^(]*\((?<s>[\d,]+) of (?<n>[\d,]+)[^)]*\) against (?:a floor of (?<floor>[\d.]+) %|at most (?<most>[\d.]+) % allowed)?(?: and )?(?:[\d.]+ % in the holdout \((?<hs>[\d,]+) of (?<hn>[\d,]+)\))?/g,
    ),
  ].map(({ 1: signal, groups = {} }) => {
    const count = (text: string | undefined) => Number((text ?? "").replaceAll(",", ""));
    return {
      signal,
      rate: count(groups["s"]) / count(groups["n"]),
      bound: groups["floor"] ?? groups["most"],
      beside: groups["hn"] === undefined ? null : count(groups["hs"]) / count(groups["hn"]),
    };
  });

test("no rollback speaks of counts that meet their bound, or are no worse than the holdout's", () => {
  let rollbacks = 0;
  let alarms = 0;
  fc.assert(
    fc.property(lives, ({ hasHoldout, isKept, compare, errorRateThreshold, ...life }) => {
      const named = hasHoldout ? compare : {};
      const rule: JudgedRule = judgedRule(
        Rule.parse({
          featureId: "feat_example",
          activationThreshold: 0.3,
          retentionThreshold: 0,
          latencyP95Threshold: 200,
          minCohortSize: 100,
          evaluationWindowSeconds: 3600,
          activationWindowSeconds: 900,
          compare: named,
          errorRateThreshold,
        }),
        { holdoutBps: hasHoldout ? 5000 : 0 },
      );
      const empty = emptyEvidence(agesOf(rule), 0, ROLLOUT);
      const exposed = { treatment: { n: 5000, s: 5000 }, holdout: { n: hasHoldout ? 5000 : 0, s: 0 } };
      const outcomes = bucketsOf(life.activation, hasHoldout).map(({ treatment, holdout }, bucketS) => ({
        bucketS,
        treatment,
        holdout,
      }));
      const latency = bucketsOf(life.latency, hasHoldout);
      const errors = bucketsOf(life.errors, hasHoldout);
      const nothing = { treatment: { n: 0, s: 0 }, holdout: { n: 0, s: 0 } };
      const terms = { threshold: 0.3, against: againstOf(rule, "activation"), isKept };
      const length = Math.max(latency.length, errors.length);
      const requests = Array.from({ length }, (_, bucketS) => ({
        bucketS,
        latency: latency[bucketS] ?? nothing,
        errors: errors[bucketS] ?? nothing,
      }));
      const evidence: Evidence = {
        ...empty,
        ...accumulateExposures(empty, [{ bucketS: 0, ...exposed }], 1, {
          rollout: hasHoldout ? ROLLOUT : { rolloutBps: 10_000, holdoutBps: 0 },
          now: 1,
        }),
        activation: empty.activation.map((part) =>
          accumulateOutcomes(part, outcomes, outcomes.length, terms),
        ),
        traffic: accumulateTraffic(empty.traffic, requests, length, { rule, isKept }),
      };
      const { state, reason } = decide({
        evidence,
        rule,
        history: { epoch: 1, ruleVersion: 1, decided: isKept ? "KEEP" : null, cause: [] },
        telemetry: { lagSeconds: 0, activationIsMeasured: true },
        now: 0,
      });
      if (state !== "ROLLBACK") return;
      rollbacks++;
      if (reason.includes("since it was kept")) alarms++;
      else expect(reason).toMatch(/at most 0\.040 %/);
      const causes = causesIn(reason);
      expect(causes.length, reason).toBeGreaterThan(0);
      for (const { signal, rate, bound, beside } of causes) {
        const isOutcome = signal === "activation" || signal === "retention";
        expect(bound !== undefined || beside !== null, reason).toBe(true);
        for (const other of [bound === undefined ? null : share(bound), beside]) {
          if (other === null) continue;
          if (isOutcome) expect(rate, reason).toBeLessThan(other * ROUNDING);
          else expect(rate, reason).toBeGreaterThan(other / ROUNDING);
        }
      }
    }),
    { numRuns: 1_500 },
  );
  expect(rollbacks).toBeGreaterThan(200);
  expect(alarms).toBeGreaterThan(50);
});

test("a lonely slow request at night is not worth a busy minute: evidence and sentence agree", () => {
  const rule = Rule.parse({
    featureId: "feat_example",
    activationThreshold: 0,
    retentionThreshold: 0,
    latencyP95Threshold: 200,
    minCohortSize: 1,
    evaluationWindowSeconds: 3600,
  });
  const nobody = { n: 0, s: 0 };
  const bucketsAt = (index: number) => (index % 3 === 0 ? { n: 1, s: index % 2 } : { n: 1000, s: 1 });
  const buckets = Array.from({ length: 6_000 }, (_, bucketS) => ({
    bucketS,
    latency: { treatment: bucketsAt(bucketS), holdout: nobody },
    errors: { treatment: nobody, holdout: nobody },
  }));
  const empty = emptyEvidence(agesOf(rule), 0, { rolloutBps: 10_000, holdoutBps: 0 });
  const evidence = {
    ...empty,
    exposed: { ...empty.exposed, treatment: 1_000 },
    traffic: accumulateTraffic(empty.traffic, buckets, buckets.length, { rule, isKept: false }),
  };
  const [latency] = decide({
    evidence,
    rule,
    history: { epoch: 1, ruleVersion: 1, decided: null, cause: [] },
    telemetry: { lagSeconds: 0, activationIsMeasured: true },
    now: 0,
  }).evidence.tests;
  expect(latency?.rate).toBeLessThan(0.05);
  expect(latency?.logEvidence).toBeLessThan(0);
});
