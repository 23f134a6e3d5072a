// Which units prove that a feature meets its thresholds, and from when on they count.
import { describe, expect, test } from "vitest";
import { emptyEvidence, type Evidence } from "../../../origin/decide/evidence.ts";
import { keepTests, logEvidenceAbove } from "../../../origin/decide/keep-tests.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const rule = Rule.parse({
  featureId: "feat_example",
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 200,
  minCohortSize: 1000,
  evaluationWindowSeconds: 3600,
});
const empty = emptyEvidence(agesOf(rule), 0, { rolloutBps: 5_000, holdoutBps: 5_000 });
const proofOf = (signal: string, evidence: Evidence) =>
  keepTests(rule, evidence).find((report) => report.signal === signal);

test("the prior of a rule is about activation alone", () => {
  const informed = { prior: { alpha: 20, beta: 80 } };
  const tally = { n: 1000, s: 450 };
  const activation = { name: "activation", threshold: 0.15 } as const;
  const retention = { name: "retention", threshold: 0.4 } as const;
  expect(logEvidenceAbove(informed, retention, tally)).toBe(logEvidenceAbove({}, retention, tally));
  expect(logEvidenceAbove(informed, activation, tally)).not.toBe(logEvidenceAbove({}, activation, tally));
});

describe("an outcome", () => {
  const activationAt = (units: readonly number[]): Evidence => ({
    ...empty,
    activation: empty.activation.map((part, index) => ({
      ...part,
      mature: { ...part.mature, treatment: { n: units[index] ?? 0, s: units[index] ?? 0 } },
    })),
  });

  test("counts from exactly minCohortSize mature units on, at whatever age", () => {
    expect(proofOf("activation", activationAt([1000]))).toMatchObject({ counts: true });
    expect(proofOf("activation", activationAt([999]))).toMatchObject({
      counts: false,
      logEvidence: -Infinity,
    });
    expect(proofOf("activation", empty)).toMatchObject({ counts: false, logEvidence: -Infinity });
  });

  test("is proven by the ages with enough units alone", () => {
    const [first] = empty.activation;
    if (first === undefined) throw new Error("an age was expected");
    const weak = { ...first, mature: { ...first.mature, treatment: { n: 1000, s: 160 } } };
    const strong = { ...first, mature: { ...first.mature, treatment: { n: 999, s: 999 } } };
    const alone = proofOf("activation", { ...empty, activation: [weak] });
    expect(proofOf("activation", { ...empty, activation: [strong, weak] })).toEqual(alone);
  });
});

test.each([
  { requests: 1, exposed: 1000, counts: true },
  { requests: 0, exposed: 1000, counts: false },
  { requests: 1, exposed: 999, counts: false },
])("$requests requests of $exposed exposed units count: $counts", ({ requests, exposed, counts }) => {
  const { latency } = empty.traffic;
  const evidence = {
    ...empty,
    exposed: { ...empty.exposed, treatment: exposed },
    traffic: {
      ...empty.traffic,
      latency: { ...latency, requests: { ...latency.requests, treatment: { n: requests, s: 0 } } },
    },
  };
  expect(proofOf("latency", evidence)).toMatchObject({ signal: "latency", counts });
});
