// A test speaks against the feature by its evidence, and only while the counts of its own sentence do.
import { describe, expect, test } from "vitest";
import type { TestReport } from "../../../origin/decide/decision.ts";
import { hasAlarmed, hasFailed, hasFallen } from "../../../origin/decide/failures.ts";

const below: TestReport = {
  signal: "activation",
  against: "threshold",
  ageSeconds: 86_400,
  threshold: 0.15,
  treatment: { n: 1000, s: 149 },
  holdout: { n: 1000, s: 149 },
  immature: 0,
  leftOut: 0,
  rate: 0.149,
  logEvidence: 9,
  logBar: 9,
  comparison: null,
  onlyTreatment: null,
  alarm: null,
  counts: true,
};
const slow: TestReport = {
  ...below,
  signal: "latency",
  ageSeconds: null,
  threshold: 0.05,
  treatment: { n: 1000, s: 51 },
  holdout: { n: 1000, s: 51 },
};
const shown = { logEvidence: 9, logBar: 9 };
const tally = (s: number) => ({ n: 1000, s });

describe("a test has failed", () => {
  test.each([
    { title: "at its bar, with a rate below the floor", report: below, failed: true },
    { title: "below its bar", report: { ...below, logEvidence: 8.999 }, failed: false },
    { title: "with too few units", report: { ...below, counts: false }, failed: false },
    { title: "with a rate at its floor", report: { ...below, treatment: tally(150) }, failed: false },
    { title: "before the first unit", report: { ...below, treatment: { n: 0, s: 0 } }, failed: false },
    { title: "with more slow requests than allowed", report: slow, failed: true },
    { title: "with as many as allowed", report: { ...slow, treatment: tally(50) }, failed: false },
    { title: "with more errors than allowed", report: { ...slow, signal: "errorRate" }, failed: true },
    { title: "of retention", report: { ...below, signal: "retention" }, failed: true },
  ] satisfies { title: string; report: TestReport; failed: boolean }[])(
    "against its threshold $title: $failed",
    ({ report, failed }) => {
      expect(hasFailed(report)).toBe(failed);
    },
  );

  test.each([
    { title: "below the holdout's rate, above the floor", treatment: 200, holdout: 201, failed: true },
    { title: "at the holdout's rate, below the floor", treatment: 100, holdout: 100, failed: false },
  ])("against the holdout $title: $failed", ({ treatment, holdout, failed }) => {
    const report = {
      ...below,
      against: "holdout",
      treatment: tally(treatment),
      holdout: tally(holdout),
    } as const;
    expect(hasFailed(report)).toBe(failed);
    const requests = {
      ...slow,
      against: "holdout",
      treatment: tally(holdout),
      holdout: tally(treatment),
    } as const;
    expect(hasFailed(requests)).toBe(failed);
    for (const one of [report, requests]) expect(hasFailed({ ...one, holdout: null })).toBe(false);
  });

  test.each([
    { title: "below both", treatment: 149, holdout: 150, comparison: shown, failed: true },
    {
      title: "with too little beside the holdout",
      treatment: 149,
      holdout: 150,
      comparison: { ...shown, logEvidence: 8.999 },
      failed: false,
    },
    { title: "at the holdout's rate", treatment: 149, holdout: 149, comparison: shown, failed: false },
    { title: "at the floor", treatment: 150, holdout: 200, comparison: shown, failed: false },
  ])("against both $title: $failed", ({ treatment, holdout, comparison, failed }) => {
    const report = {
      ...below,
      against: "both",
      treatment: tally(treatment),
      holdout: tally(holdout),
      comparison,
    } as const;
    expect(hasFailed(report)).toBe(failed);
    expect(hasFailed({ ...report, holdout: null })).toBe(false);
    expect(hasFailed({ ...slow, against: "both", holdout: null, comparison })).toBe(false);
  });
});

describe("a kept feature's alarm", () => {
  const alarm = { ...shown, comparison: null, treatment: tally(149), holdout: tally(149) };
  const healthy: TestReport = { ...below, treatment: tally(300), logEvidence: -50 };

  test("goes by the counts since the fall, whatever those of the whole life say", () => {
    expect(hasAlarmed({ ...healthy, alarm })).toBe(true);
    expect(hasAlarmed({ ...healthy, alarm: { ...alarm, treatment: tally(150) } })).toBe(false);
    expect(hasAlarmed({ ...healthy, alarm: { ...alarm, logEvidence: 8.999 } })).toBe(false);
    expect(hasAlarmed({ ...healthy, alarm, counts: false })).toBe(false);
    expect(hasAlarmed(below)).toBe(false);
  });

  test("against both needs the comparison as well; the fall itself does not", () => {
    const both = { ...healthy, against: "both" } as const;
    const beside = { ...alarm, comparison: shown, holdout: tally(150) };
    expect(hasAlarmed({ ...both, alarm: beside })).toBe(true);
    for (const quiet of [
      { ...beside, comparison: { ...shown, logEvidence: 8.999 } },
      { ...beside, holdout: tally(149) },
    ]) {
      expect(hasAlarmed({ ...both, alarm: quiet })).toBe(false);
      expect(hasFallen({ ...both, alarm: quiet })).toBe(true);
    }
    expect(hasFallen({ ...both, alarm: { ...beside, treatment: tally(150) } })).toBe(false);
  });

  test("against the holdout goes by the holdout's counts since the fall", () => {
    const compared = { ...healthy, against: "holdout" } as const;
    expect(hasFallen({ ...compared, alarm: { ...alarm, holdout: tally(150) } })).toBe(true);
    expect(hasFallen({ ...compared, alarm })).toBe(false);
  });
});
