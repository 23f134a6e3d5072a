// What becomes of a decision that does not stand without unusual hours, and how they are told.
import { expect, test } from "vitest";
import type { Anomaly, AnomalyKind } from "../../../origin/decide/anomalies.ts";
import { decide } from "../../../origin/decide/decide.ts";
import { emptyEvidence, type Evidence } from "../../../origin/decide/evidence.ts";
import { describeAnomalies, type Ordinary } from "../../../origin/decide/held-back.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const anomaly = (hourS: number, kind: AnomalyKind): Anomaly => ({
  hourS,
  kind,
  units: 900,
  seenAgain: 3,
  largestNetwork: 2,
  usual: 20,
});

test.each<[AnomalyKind, string]>([
  ["crowd", "far more units than usual"],
  ["seen-once", "units that send nothing again"],
  ["one-network", "many units of one network"],
])("an hour of the kind %s is told with its time", (kind, words) => {
  expect(describeAnomalies([anomaly(7_200, kind)])).toBe(
    `1 hour was not as usual, from 1970-01-01 02:00:00 UTC: ${words}`,
  );
});

test("several hours are told with their number, the first of them, and each kind once", () => {
  const hours = [
    anomaly(0, "one-network"),
    anomaly(3_600, "crowd"),
    anomaly(7_200, "crowd"),
    anomaly(9_000, "seen-once"),
  ];
  expect(describeAnomalies(hours)).toBe(
    "4 hours were not as usual, the first from 1970-01-01 00:00:00 UTC: far more units than usual, units that send nothing again and many units of one network",
  );
  expect(describeAnomalies([])).toBe("0 hours were not as usual: ");
});

const rule = Rule.parse({
  featureId: "feat_held",
  activationThreshold: 0.15,
  retentionThreshold: 0,
  latencyP95Threshold: 200,
  minCohortSize: 100,
  evaluationWindowSeconds: 3_600,
});
const SINCE = 180_000;

/** Of so many units some act; all requests are fast. */
const evidenceOf = (n: number, s: number): Evidence => {
  const empty = emptyEvidence(agesOf(rule), SINCE, { rolloutBps: 10_000, holdoutBps: 0 });
  const none = { n: 0, s: 0 };
  const requests = { treatment: { n: 500, s: 0 }, holdout: none };
  return {
    ...empty,
    exposed: { ...empty.exposed, treatment: n },
    activation: empty.activation.map((part) =>
      Object.assign(part, { mature: { treatment: { n, s }, holdout: none } }),
    ),
    traffic: { ...empty.traffic, latency: { ...empty.traffic.latency, requests } },
  };
};
const decideOn = (evidence: Evidence, ordinary?: Ordinary) =>
  decide({
    evidence,
    rule,
    history: { epoch: 1, ruleVersion: 1, decided: null, cause: [] },
    telemetry: { lagSeconds: 0, activationIsMeasured: true },
    ordinary,
    now: SINCE + 600,
  });
const anomalies = [anomaly(7_200, "crowd")];

test("a KEEP that a crowd makes is held back, and the sentence says so", () => {
  const decision = decideOn(evidenceOf(6_000, 4_000), { evidence: evidenceOf(1_000, 140), anomalies });
  expect(decision).toMatchObject({ action: "WAIT", state: "TESTING", heldBack: "KEEP" });
  expect(decision.reason).toMatch(
    /^TESTING: Nearest to a rollback: .+ KEEP is held back: 1 hour was not as usual, from 1970-01-01 02:00:00 UTC: far more units than usual\. Without the units of such hours the feature is not proven good yet\.$/,
  );
  expect(decision.reason).not.toMatch(/Not yet proven good|mutant/);
});

test("a rollback that a crowd makes is held back", () => {
  const decision = decideOn(evidenceOf(6_000, 200), { evidence: evidenceOf(1_000, 160), anomalies });
  expect(decision).toMatchObject({ action: "WAIT", heldBack: "ROLLBACK", cause: [] });
});

test("what stands without the crowd is decided, and so is what no crowd had a part in", () => {
  const good = evidenceOf(6_000, 4_000);
  const bad = evidenceOf(6_000, 200);
  const decisions = [
    decideOn(good, { evidence: evidenceOf(1_000, 400), anomalies }),
    decideOn(good),
    decideOn(bad, { evidence: evidenceOf(1_000, 20), anomalies }),
    decideOn(bad),
  ];
  expect(decisions.map(({ action }) => action)).toEqual(["KEEP", "KEEP", "ROLLBACK", "ROLLBACK"]);
  for (const decision of decisions) expect(Object.keys(decision)).not.toContain("heldBack");
});
