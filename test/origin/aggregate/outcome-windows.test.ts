// By which windows a rule has its feature's outcomes counted.
import { describe, expect, test } from "vitest";
import { sameWindows, windowsKey, windowsOf } from "../../../origin/aggregate/outcome-windows.ts";

const defaults = windowsOf({});

describe("the windows of a rule", () => {
  test("are those that it names, with buckets no longer than the shortest age", () => {
    const windows = windowsOf({
      activationWindowSeconds: 60,
      retentionWindowSeconds: 600,
      returnAfterSeconds: 300,
    });
    expect(windows.activationAgesS.at(-1)).toBe(60);
    expect(windows.retentionAgesS.at(-1)).toBe(600);
    expect(windows.returnAfterS).toBe(300);
    expect(windows.bucketS).toBeGreaterThan(0);
    expect(windows.bucketS).toBeLessThanOrEqual(Math.min(...windows.activationAgesS));
  });

  test("are a day, a week and a day when the rule names none", () => {
    expect(defaults.activationAgesS.at(-1)).toBe(86_400);
    expect(defaults.retentionAgesS.at(-1)).toBe(604_800);
    expect(defaults.returnAfterS).toBe(86_400);
  });

  test("are the defaults without a rule, and when the stored rule cannot be read", () => {
    for (const rule of [
      null,
      undefined,
      "rule",
      { activationWindowSeconds: -1 },
      { returnAfterSeconds: "x" },
    ])
      expect(windowsOf(rule)).toEqual(defaults);
  });

  test("do not depend on the rule's other fields, even unknown ones", () => {
    const rule = { featureId: "feat_a", activationThreshold: 7, unknown: true, returnAfterSeconds: 60 };
    expect(windowsOf(rule)).toEqual(windowsOf({ returnAfterSeconds: 60 }));
  });
});

test("windows are the same only when all of their parts are", () => {
  expect(sameWindows(defaults, windowsOf({}))).toBe(true);
  for (const change of [
    { returnAfterS: 1 },
    { bucketS: 1 },
    { activationAgesS: [1] },
    { retentionAgesS: [1] },
  ])
    expect(sameWindows(defaults, { ...defaults, ...change })).toBe(false);
});

test("features in other epochs have windows of their own", () => {
  expect(windowsKey("feat_a", 1)).not.toBe(windowsKey("feat_a", 2));
  expect(windowsKey("feat_a", 1)).not.toBe(windowsKey("feat_b", 1));
  expect(windowsKey("1feat", 1)).not.toBe(windowsKey("feat", 11));
});
