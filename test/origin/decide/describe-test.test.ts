// One test in words, whole: by what it is held against, and by whether it has alarmed.
import { describe, expect, test } from "vitest";
import type { TestReport } from "../../../origin/decide/decision.ts";
import { describeEvidence, describeRate } from "../../../origin/decide/describe-test.ts";
import { Rule } from "../../../shared/features/rule.ts";

const rule = Rule.parse({
  featureId: "feat_example",
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 800,
  minCohortSize: 1000,
  evaluationWindowSeconds: 3600,
});
const activation: TestReport = {
  signal: "activation",
  against: "threshold",
  ageSeconds: 86_400,
  threshold: 0.15,
  treatment: { n: 4500, s: 504 },
  holdout: null,
  immature: 1310,
  leftOut: 0,
  rate: 0.112,
  logEvidence: Math.log(8000),
  logBar: Math.log(6250),
  comparison: null,
  onlyTreatment: null,
  alarm: null,
  counts: true,
};
const holdout = { n: 500, s: 100 };
const requests: TestReport = {
  ...activation,
  signal: "errorRate",
  ageSeconds: null,
  threshold: 0.01,
  treatment: { n: 100, s: 3 },
  immature: null,
  rate: 0.03,
};
const slow: TestReport = { ...requests, signal: "latency", threshold: 0.05, rate: 0.2 };
const alarm = {
  logEvidence: Math.log(7000),
  logBar: Math.log(6250),
  comparison: null,
  treatment: { n: 350, s: 25 },
  holdout: { n: 300, s: 60 },
};

describe("the rate", () => {
  test.each([
    {
      title: "against the floor",
      report: activation,
      text: "activation 11.2 % within 1 d (504 of 4,500 mature; 1,310 not yet mature) against a floor of 15.0 %",
    },
    {
      title: "against both",
      report: { ...activation, against: "both", holdout },
      text: "activation 11.2 % within 1 d (504 of 4,500 mature; 1,310 not yet mature) against a floor of 15.0 % and 20.0 % in the holdout (100 of 500)",
    },
    {
      title: "against both before anybody is in the holdout",
      report: { ...activation, against: "both", immature: 0 },
      text: "activation 11.2 % within 1 d (504 of 4,500 mature; 0 not yet mature) against a floor of 15.0 % and a holdout of nobody yet",
    },
    {
      title: "of a decision that knows neither age nor immature units",
      report: { ...activation, signal: "retention", ageSeconds: null, immature: null },
      text: "retention 11.2 % (504 of 4,500 mature; 0 not yet mature) against a floor of 15.0 %",
    },
    {
      title: "of slow requests against both",
      report: { ...slow, against: "both", holdout },
      text: "latency: 20.0 % of requests slower than 800 ms (3 of 100) against at most 5.0 % allowed and 20.0 % in the holdout (100 of 500)",
    },
    {
      title: "of failed requests against the bound",
      report: requests,
      text: "error rate 3.0 % (3 of 100 requests) against at most 1.0 % allowed",
    },
    {
      title: "of lost requests beside the holdout",
      report: { ...requests, against: "holdout", holdout },
      text: "error rate 3.0 % (3 of 100 requests failed or never ended) against 20.0 % in the holdout (100 of 500)",
    },
    {
      title: "of units since a fall",
      report: { ...activation, alarm },
      text: "activation 7.1 % within 1 d (25 of 350 mature since it became worse) against a floor of 15.0 %",
    },
    {
      title: "of slow requests since a fall",
      report: { ...slow, alarm },
      text: "latency: 7.1 % of requests slower than 800 ms (25 of 350 since it became worse) against at most 5.0 % allowed",
    },
    {
      title: "of lost requests since a fall",
      report: { ...requests, against: "holdout", alarm: { ...alarm, holdout: { n: 300, s: 3 } } },
      text: "error rate 7.1 % (25 of 350 requests failed or never ended since it became worse) against 1.0 % in the holdout (3 of 300)",
    },
  ] satisfies { title: string; report: TestReport; text: string }[])("$title", ({ report, text }) => {
    expect(describeRate(report, rule)).toBe(text);
  });
});

describe("the evidence", () => {
  const comparison = { logEvidence: Math.log(9000), logBar: Math.log(5000) };
  const onlyTreatment = { logEvidence: Math.log(2000), logBar: Math.log(1000) };

  test.each([
    {
      title: "against the threshold, without a holdout",
      report: activation,
      text: "Evidence 8,000 : 1, needed 6,250 : 1.",
    },
    {
      title: "against both",
      report: { ...activation, against: "both", holdout, comparison },
      text: "Evidence 8,000 : 1, needed 6,250 : 1; beside the holdout 9,000 : 1, needed 5,000 : 1.",
    },
    {
      title: "against the holdout, of all ages together",
      report: { ...activation, against: "holdout", holdout },
      text: "Evidence 8,000 : 1 over all ages, needed 6,250 : 1.",
    },
    {
      title: "of requests against the holdout, which have no ages",
      report: { ...requests, against: "holdout", holdout },
      text: "Evidence 8,000 : 1, needed 6,250 : 1.",
    },
    {
      title: "against the threshold beside a holdout that is not asked",
      report: { ...activation, holdout },
      text: "Evidence 8,000 : 1, needed 6,250 : 1. It is not compared with the holdout, so Sluice cannot know whether this befalls everybody.",
    },
    {
      title: "of requests against the threshold beside a holdout",
      report: { ...requests, holdout },
      text: "Evidence 8,000 : 1, needed 6,250 : 1.",
    },
    {
      title: "against the threshold where the holdout cannot succeed",
      report: { ...activation, holdout: { n: 1500, s: 0 }, onlyTreatment },
      text: "Evidence 8,000 : 1, needed 6,250 : 1. The holdout cannot do it (0 of 1,500, evidence 2,000 : 1), so Sluice cannot know whether this befalls everybody.",
    },
    {
      title: "of a fall beside a holdout that is not asked",
      report: { ...activation, holdout, alarm },
      text: "It has fallen since it was kept: evidence 7,000 : 1, needed 6,250 : 1. A feature that stays good enough raises such an alarm once in at least 6,250 batches of 50 units, on average. It is not compared with the holdout, so Sluice cannot know whether this befalls everybody.",
    },
    {
      title: "of a fall of requests, against both",
      report: {
        ...slow,
        against: "both",
        holdout,
        alarm: { ...alarm, comparison, holdout: { n: 300, s: 3 } },
      },
      text: "It has fallen since it was kept: evidence 7,000 : 1, needed 6,250 : 1; beside the holdout 9,000 : 1, needed 5,000 : 1. A feature that stays good enough raises such an alarm once in at least 6,250 buckets of requests, on average.",
    },
  ] satisfies { title: string; report: TestReport; text: string }[])("$title", ({ report, text }) => {
    expect(describeEvidence(report)).toBe(text);
  });
});
