import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkGate,
  checkHoldout,
  checkRequirements,
  checkRule,
  checkShares,
  checkUnit,
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

test.each(["/a/..", "/a/../b", "/.", "/./b", "/%2e%2E/b", "/%2e./b", "/a/.%2E", "/a/%2e"])(
  "a gate's path must not have %s, which would lead out of its folder",
  (path) => {
    expect(errorsOf(checkGate({ gate: { path }, routes: [] }))).toEqual([
      { field: "gate.path", reason: "must not have . or .. as a segment" },
    ]);
  },
);

test.each(["/...", "/.well-known/x", "/a./b", "/..a/b", "/a..", "/%2e%2e%2e", "/%2ea"])(
  "a gate's path may be %s, whose dots are part of a name",
  (path) => {
    expect(checkGate({ gate: { path }, routes: [] })).toBeUndefined();
  },
);

test("the unit of an open feature stays as it is, and that of a closed one may change", () => {
  const open = { unit: "visitor", enabled: true } as const;
  expect(errorsOf(checkUnit(open, "user"))).toEqual([
    {
      field: "unit",
      reason: "is visitor while the feature is open: close the feature first, and enable it after the edit",
    },
  ]);
  expect(checkUnit(open, "visitor")).toBeUndefined();
  expect(checkUnit(open, undefined)).toBeUndefined();
  expect(checkUnit({ ...open, enabled: false }, "user")).toBeUndefined();
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

  const asksNothing = { activationThreshold: 0, retentionThreshold: 0, errorRateThreshold: 0 };

  test("that asks nothing but that no request ever fails is refused", () => {
    expect(errorsOf(checkRule(ruleOf(asksNothing), { holdoutBps: 0 }))).toEqual([
      { field: "errorRateThreshold", reason: expect.stringContaining("no request ever fails") },
    ]);
  });

  test.each([
    { activationThreshold: 0.01 },
    { activationThreshold: 1 },
    { retentionThreshold: 0.01 },
    { retentionThreshold: 1 },
    { errorRateThreshold: 0.01 },
    { errorRateThreshold: 1 },
    { errorRateThreshold: undefined },
  ])("that asks for %j and nothing else can be met", (fields) => {
    expect(checkRule(ruleOf({ ...asksNothing, ...fields }), { holdoutBps: 0 })).toBeUndefined();
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
      for (const against of ["holdout", "both"]) {
        const rule = ruleOf({ compare: { [signal]: against } });
        expect(checkRule(rule, { holdoutBps: 1 })).toBeUndefined();
        expect(errorsOf(checkRule(rule, { holdoutBps: 0 }))).toEqual([
          { field: `compare.${signal}`, reason: expect.stringContaining("holdoutBps") },
        ]);
      }
    },
  );

  const comparing = (signal: string, arm: string) => ruleOf({ compare: { [signal]: arm } });
  const withHoldout = (rule: unknown, holdoutBps: number, enabled = true) =>
    recordOf("a", { rule, state: { holdoutBps, enabled } });

  test.each(
    ["activation", "retention", "latency", "errorRate"].flatMap((signal) => [
      [signal, "holdout"] as const,
      [signal, "both"] as const,
    ]),
  )(
    "that compares %s with the holdout (%s) keeps one: its loss is refused with the way out",
    (signal, arm) => {
      const feature = withHoldout(comparing(signal, arm), 1_000);
      expect(errorsOf(checkHoldout(feature, { holdoutBps: 0, enabled: true }))).toEqual([
        {
          field: "holdoutBps",
          reason: `is 0, and compare.${signal} of the rule asks for the holdout: there would be nobody to compare with, and nothing could be decided. Keep a holdout, or set the rule first, with compare.${signal} "threshold" or without it`,
        },
      ]);
      expect(checkHoldout(feature, { holdoutBps: 1, enabled: true })).toBeUndefined();
    },
  );

  test("that names no comparison, or none with the holdout, lets the holdout go, and so does a feature without a rule", () => {
    for (const rule of [ruleOf({}), comparing("activation", "threshold"), null, { unreadable: true }])
      expect(checkHoldout(withHoldout(rule, 1_000), { holdoutBps: 0, enabled: true })).toBeUndefined();
  });

  test("that has lost its holdout lets every other change pass, but not an opening", () => {
    const lost = comparing("latency", "holdout");
    expect(checkHoldout(withHoldout(lost, 0), { holdoutBps: 0, enabled: true })).toBeUndefined();
    expect(checkHoldout(withHoldout(lost, 0, false), { holdoutBps: 0, enabled: false })).toBeUndefined();
    expect(
      errorsOf(checkHoldout(withHoldout(lost, 0, false), { holdoutBps: 0, enabled: true })),
    ).toMatchObject([{ field: "holdoutBps" }]);
    expect(checkHoldout(withHoldout(lost, 0, false), { holdoutBps: 500, enabled: true })).toBeUndefined();
  });

  test("that ramps keeps its room: a larger holdout is refused with the largest that fits", () => {
    const feature = withHoldout(ruleOf({ ramp: { stagesBps: [500, 9_000], minStageSeconds: 60 } }), 500);
    expect(checkHoldout(feature, { holdoutBps: 1_000, enabled: true })).toBeUndefined();
    expect(errorsOf(checkHoldout(feature, { holdoutBps: 1_001, enabled: true }))).toEqual([
      {
        field: "holdoutBps",
        reason:
          "is 1001, and the ramp of the rule ends at 9000: together more than 10000. Set a holdout of at most 1000, or set the rule first, with another ramp.stagesBps",
      },
    ]);
  });
});
