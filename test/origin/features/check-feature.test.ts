import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkGate,
  checkRequirements,
  checkRule,
  checkShares,
} from "../../../origin/features/check-feature.ts";
import { Rule } from "../../../shared/features/rule.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { recordOf, relatedOf } from "../../support/feature-record.ts";

const errorsOf = (refusal: ReturnType<typeof checkShares>) =>
  refusal?.error.reason === "invalid" ? refusal.error.errors : refusal?.error;

test("whole shares from 0 to 10,000 that leave room for each other pass, whoever named them", () => {
  const share = fc.integer({ min: 0, max: 10_000 });
  fc.assert(
    fc.property(share, share, fc.boolean(), (rolloutBps, holdoutBps, isNamed) => {
      const passes = checkShares({ rolloutBps, holdoutBps }, isNamed) === undefined;
      expect(passes).toBe(rolloutBps + holdoutBps <= 10_000);
    }),
  );
});

test("one basis point beyond everyone is too much", () => {
  expect(checkShares({ rolloutBps: 5_000, holdoutBps: 5_000 }, true)).toBeUndefined();
  expect(checkShares({ rolloutBps: 5_000, holdoutBps: 5_001 }, true)).toBeDefined();
});

test.each([
  [{ rolloutBps: 0.2, holdoutBps: 0 }, "rolloutBps"],
  [{ rolloutBps: -1, holdoutBps: 0 }, "rolloutBps"],
  [{ rolloutBps: 10_001, holdoutBps: 0 }, "rolloutBps"],
  [{ rolloutBps: 0, holdoutBps: Number.NaN }, "holdoutBps"],
])("%j is refused by its field, with the unit that is meant", (shares, field) => {
  expect(errorsOf(checkShares(shares, true))).toEqual([
    { field, reason: "must be a whole number of basis points from 0 to 10000 (2000 = 20 %)" },
  ]);
});

test("a holdout that the request does not name stands in the way of the rollout, and the error says how to change it", () => {
  expect(errorsOf(checkShares({ rolloutBps: 9_500, holdoutBps: 750 }, false))).toEqual([
    {
      field: "rolloutBps",
      reason:
        "the holdout of 750 bps (7.5 %) leaves at most 9250; name holdoutBps in the same request to change it too (with 0 nobody is left to compare with)",
    },
  ]);
  expect(errorsOf(checkShares({ rolloutBps: 9_500, holdoutBps: 750 }, true))).toEqual([
    { field: "holdoutBps", reason: "rolloutBps + holdoutBps must be at most 10000" },
  ]);
});

test("a gate that answers by itself needs routes, and any other gate does not", () => {
  const answers = { whenClosed: { action: "notFound" } } as const;
  expect(errorsOf(checkGate({ gate: answers, routes: [] }))).toMatchObject([{ field: "gate.whenClosed" }]);
  expect(checkGate({ gate: answers, routes: [{ path: "/a" }] })).toBeUndefined();
  expect(checkGate({ gate: { path: "/b" }, routes: [] })).toBeUndefined();
  expect(checkGate({ gate: null, routes: [] })).toBeUndefined();
});

const id = (text: string) => FeatureId.parse(text);
const requires = (...ids: string[]) => ({ enabled: true, requires: ids.map(id) });

test("a feature requires features that exist, and never itself, not even through others", () => {
  const related = relatedOf(
    recordOf("a"),
    recordOf("b", { requires: ["a"] }),
    recordOf("c", { requires: ["b"] }),
  );
  const check = (...ids: string[]) => errorsOf(checkRequirements(related, id("a"), requires(...ids)));
  expect(check()).toBeUndefined();
  expect(check("nowhere")).toMatchObject([{ field: "requires", reason: "no such feature: nowhere" }]);
  for (const circular of ["a", "b", "c"])
    expect(check(circular)).toEqual([{ field: "requires", reason: `requires a itself: ${circular}` }]);
});

test("an open feature requires open ones; a closed one may wait for them", () => {
  const related = relatedOf(recordOf("a"), recordOf("b", { state: { enabled: false } }), recordOf("c"));
  expect(checkRequirements(related, id("a"), requires("b", "c"))?.error).toEqual({
    reason: "requirementClosed",
    featureIds: ["b"],
  });
  expect(checkRequirements(related, id("a"), { ...requires("b"), enabled: false })).toBeUndefined();
});

describe("a rule", () => {
  const ruleOf = (fields: object): Rule =>
    Rule.parse({
      featureId: "a",
      activationThreshold: 0.2,
      retentionThreshold: 0.2,
      latencyP95Threshold: 800,
      minCohortSize: 100,
      evaluationWindowSeconds: 3_600,
      ...fields,
    });

  test.each([
    { retentionWindowSeconds: 3_600 },
    { retentionWindowSeconds: 86_400 },
    { retentionWindowSeconds: 60, returnAfterSeconds: 60 },
    { returnAfterSeconds: 700_000 },
  ])("%j is refused: no unit could return in time", (fields) => {
    expect(errorsOf(checkRule(ruleOf(fields), { holdoutBps: 1_000 }))).toEqual([
      { field: "returnAfterSeconds", reason: expect.stringContaining("no unit could return in time") },
    ]);
  });

  test.each([
    {},
    { retentionWindowSeconds: 86_401 },
    { retentionWindowSeconds: 61, returnAfterSeconds: 60 },
    { retentionThreshold: 0, retentionWindowSeconds: 3_600 },
    { compare: { latency: "threshold" } },
  ])("%j can work without a holdout", (fields) => {
    expect(checkRule(ruleOf(fields), { holdoutBps: 0 })).toBeUndefined();
  });

  test("whose returns come too late is refused with both windows", () => {
    const rule = ruleOf({ returnAfterSeconds: 700, retentionWindowSeconds: 600 });
    expect(errorsOf(checkRule(rule, { holdoutBps: 0 }))).toEqual([
      {
        field: "returnAfterSeconds",
        reason:
          "is 700 and must be below retentionWindowSeconds (600): otherwise no unit could return in time",
      },
    ]);
  });

  test("that compares several signals with a holdout of nobody is refused by the first of them", () => {
    const rule = ruleOf({ compare: { retention: "holdout", latency: "holdout" } });
    expect(errorsOf(checkRule(rule, { holdoutBps: 0 }))).toMatchObject([{ field: "compare.retention" }]);
  });

  test("that ramps into the holdout is refused, since its last stage could never be reached", () => {
    const rule = ruleOf({ ramp: { stagesBps: [500, 1_000, 9_001], minStageSeconds: 60 } });
    expect(checkRule(rule, { holdoutBps: 999 })).toBeUndefined();
    expect(checkRule(ruleOf({}), { holdoutBps: 10_000 })).toBeUndefined();
    expect(errorsOf(checkRule(rule, { holdoutBps: 1_000 }))).toEqual([
      {
        field: "ramp.stagesBps",
        reason: "ends at 9001, and the holdout of 1000 bps leaves at most 9000",
      },
    ]);
  });

  test.each(["activation", "retention", "latency", "errorRate"])(
    "that compares %s with the holdout needs one",
    (signal) => {
      const rule = ruleOf({ compare: { [signal]: "holdout" } });
      expect(checkRule(rule, { holdoutBps: 1 })).toBeUndefined();
      expect(errorsOf(checkRule(rule, { holdoutBps: 0 }))).toEqual([
        { field: `compare.${signal}`, reason: expect.stringContaining("holdoutBps") },
      ]);
    },
  );
});
