// What a collecting feature waits for.
import { describe, expect, test } from "vitest";
import { accumulateExposures } from "../../../origin/decide/accumulate-exposures.ts";
import { accumulateOutcomes } from "../../../origin/decide/accumulate-outcomes.ts";
import { decide } from "../../../origin/decide/decide.ts";
import { emptyEvidence, type Evidence } from "../../../origin/decide/evidence.ts";
import { rollbackTests } from "../../../origin/decide/rollback-tests.ts";
import { waitingFor } from "../../../origin/decide/waiting.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ROLLOUT = { rolloutBps: 5000, holdoutBps: 5000 };
const START = 1_800_000_000;
const ruleOf = (over: Partial<Rule> = {}): Rule =>
  Rule.parse({
    featureId: "feat_example",
    activationThreshold: 0.15,
    retentionThreshold: 0.4,
    latencyP95Threshold: 200,
    minCohortSize: 5000,
    evaluationWindowSeconds: 3_000_000,
    ...over,
  });

/** Units exposed in each bucket of three minutes, each as many in treatment as in holdout. */
const exposed = (rule: Rule, units: readonly number[]): Evidence => {
  const empty = emptyEvidence(agesOf(rule), START, ROLLOUT);
  const buckets = units.map((n, i) => ({
    bucketS: START + 180 * i,
    treatment: { n, s: n },
    holdout: { n, s: n },
  }));
  const upTo = START + 180 * units.length;
  return { ...empty, ...accumulateExposures(empty, buckets, upTo, { rollout: ROLLOUT, now: upTo }) };
};

/** The first `units` of activation are mature. */
const matured = (evidence: Evidence, units: number): Evidence => ({
  ...evidence,
  activation: evidence.activation.map((part) =>
    accumulateOutcomes(
      part,
      [{ bucketS: START, treatment: { n: units, s: 0 }, holdout: { n: units, s: 0 } }],
      START + 180,
      { threshold: 0.15, against: "threshold", isKept: false },
    ),
  ),
});

const reasonAt = (rule: Rule, evidence: Evidence, seconds: number): string =>
  decide({
    evidence,
    rule,
    history: { epoch: 1, ruleVersion: 1, decided: null, cause: [] },
    telemetry: { lagSeconds: 0, activationIsMeasured: true },
    now: START + seconds,
  }).reason;

test("a rule about requests alone waits for exposed units, none of which has to mature", () => {
  const rule = ruleOf({ activationThreshold: 0, retentionThreshold: 0 });
  const evidence = exposed(rule, [310]);
  expect(waitingFor(rollbackTests(rule, evidence), evidence, rule)).toEqual({
    counted: 310,
    of: "exposed",
    immature: 0,
    firstMatureAt: null,
  });
});

describe("the reason of a collecting feature", () => {
  test("says that no unit is exposed yet", () => {
    expect(reasonAt(ruleOf(), exposed(ruleOf(), []), 0)).toBe(
      "COLLECTING: 0 of 5,000 mature units; no unit is exposed yet.",
    );
  });

  // The second bucket began at 08:03:00: it is closed at 08:06:00 and mature a day and 30 s later.
  test("says how many wait and when the first of them is mature", () => {
    expect(reasonAt(ruleOf(), exposed(ruleOf(), [0, 310, 1000]), 600)).toBe(
      "COLLECTING: 0 of 5,000 mature units; 1,310 wait, the first is mature at 2027-01-16 08:06:30 UTC.",
    );
    expect(reasonAt(ruleOf(), exposed(ruleOf(), [1]), 600)).toBe(
      "COLLECTING: 0 of 5,000 mature units; 1 waits, the first is mature at 2027-01-16 08:03:30 UTC.",
    );
  });

  test("goes by the youngest age beside a holdout", () => {
    const rule = ruleOf({ compare: { activation: "holdout" } });
    expect(reasonAt(rule, exposed(rule, [310]), 600)).toContain(
      "the first is mature at 2027-01-15 08:18:30 UTC.",
    );
  });

  test("goes by the outcome that matures first", () => {
    const rule = ruleOf({
      activationWindowSeconds: 604_800,
      retentionWindowSeconds: 172_800,
      returnAfterSeconds: 86_400,
    });
    expect(reasonAt(rule, exposed(rule, [310]), 600)).toContain(
      "the first is mature at 2027-01-17 08:03:30 UTC.",
    );
  });

  test("goes by retention where the rule does not ask about activation", () => {
    const rule = ruleOf({ activationThreshold: 0 });
    expect(reasonAt(rule, exposed(rule, [310]), 600)).toContain(
      "the first is mature at 2027-01-22 08:03:30 UTC.",
    );
  });

  test("does not name a time that has passed: late telemetry holds the first units up", () => {
    expect(reasonAt(ruleOf(), exposed(ruleOf(), [310]), 90_000)).toBe(
      "COLLECTING: 0 of 5,000 mature units; 310 wait for telemetry that may still arrive.",
    );
  });

  test("says how many wait once some are mature", () => {
    expect(reasonAt(ruleOf(), matured(exposed(ruleOf(), [310, 1000]), 310), 90_000)).toBe(
      "COLLECTING: 310 of 5,000 mature units; 1,000 wait.",
    );
    expect(reasonAt(ruleOf(), matured(exposed(ruleOf(), [310]), 310), 90_000)).toBe(
      "COLLECTING: 310 of 5,000 mature units.",
    );
  });

  test("goes by the test that counts the most units", () => {
    const evidence = matured(exposed(ruleOf(), [310, 1000]), 310);
    const [retention] = emptyEvidence(agesOf(ruleOf()), START, ROLLOUT).retention;
    if (retention === undefined) throw new Error("an age was expected");
    const more = { ...retention, mature: { treatment: { n: 400, s: 0 }, holdout: { n: 0, s: 0 } } };
    expect(reasonAt(ruleOf(), { ...evidence, retention: [more] }, 90_000)).toBe(
      "COLLECTING: 400 of 5,000 mature units; 910 wait.",
    );
  });

  test("counts treatment's units, not the holdout's", () => {
    const evidence = exposed(ruleOf(), [310]);
    const lopsided = { ...evidence, exposed: { ...evidence.exposed, holdout: 9 } };
    expect(reasonAt(ruleOf(), lopsided, 600)).toContain("310 wait");
    const rule = ruleOf({ activationThreshold: 0, retentionThreshold: 0 });
    expect(reasonAt(rule, lopsided, 600)).toContain("310 of 5,000 exposed units");
  });

  test("names no time once a single unit is mature", () => {
    expect(reasonAt(ruleOf(), matured(exposed(ruleOf(), [1, 1000]), 1), 600)).toBe(
      "COLLECTING: 1 of 5,000 mature units; 1,000 wait.",
    );
  });

  test("does not name the very moment that has come", () => {
    expect(reasonAt(ruleOf(), exposed(ruleOf(), [310]), 86_400 + 180 + 30)).toContain("may still arrive");
  });

  test("counts exposed units where the rule asks about requests alone", () => {
    const rule = ruleOf({ activationThreshold: 0, retentionThreshold: 0 });
    expect(reasonAt(rule, exposed(rule, [310]), 600)).toBe("COLLECTING: 310 of 5,000 exposed units.");
    expect(reasonAt(rule, exposed(rule, []), 600)).toBe("COLLECTING: 0 of 5,000 exposed units.");
  });

  test("names no time for units that a version before counted without it", () => {
    const evidence = exposed(ruleOf(), [310]);
    const unknown = { ...evidence, exposed: { ...evidence.exposed, firstBucketS: null } };
    expect(reasonAt(ruleOf(), unknown, 600)).toBe("COLLECTING: 0 of 5,000 mature units; 310 wait.");
    const [more] = [
      accumulateExposures(
        unknown,
        [{ bucketS: START + 180, treatment: { n: 90, s: 90 }, holdout: { n: 90, s: 90 } }],
        START + 360,
        { rollout: ROLLOUT, now: START + 360 },
      ),
    ];
    expect(more?.exposed).toMatchObject({ treatment: 400, firstBucketS: null });
  });
});
