// How unusual hours are told.
import { expect, test } from "vitest";
import type { Anomaly, AnomalyKind } from "../../../origin/decide/anomalies.ts";
import { describeAnomalies } from "../../../origin/decide/held-back.ts";

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
