// Decisions that do not stand without the units of unusual hours: they are held back until they do. What slow and failing requests
// show is never held back, nor what shows beside the holdout, where a crowd is in both cohorts.
import { ANOMALIES, type Anomaly, type AnomalyKind } from "./anomalies.ts";
import type { KeepReport, TestReport } from "./decision.ts";
import type { Evidence } from "./evidence.ts";
import { hasFailed } from "./failures.ts";
import { formatCount, formatInstant, formatList } from "./format.ts";

/** The evidence without the units of unusual hours; `anomalies`: at least one. */
export type Ordinary = { readonly evidence: Evidence; readonly anomalies: readonly Anomaly[] };

/** Its tests. */
export type OrdinaryTests = Pick<Ordinary, "anomalies"> & {
  readonly tests: readonly TestReport[];
  readonly keep: readonly KeepReport[];
};

const isOutcomeAlone = ({ against, ageSeconds }: TestReport): boolean =>
  against === "threshold" && ageSeconds !== null;

/** Whether a test that has failed has so without the units of unusual hours. */
export const standsAlone = (test: TestReport, ordinary: OrdinaryTests | undefined): boolean =>
  ordinary === undefined ||
  !isOutcomeAlone(test) ||
  ordinary.tests.some(
    (other) => other.signal === test.signal && other.ageSeconds === test.ageSeconds && hasFailed(other),
  );

const DESCRIPTIONS: Readonly<Record<AnomalyKind, string>> = {
  crowd: "far more units than usual",
  "seen-once": "units that send nothing again",
  "one-network": "many units of one network",
};

/** "3 hours were not as usual, the first from 2027-01-15 08:00:00 UTC: far more units than usual" */
export const describeAnomalies = (anomalies: readonly Anomaly[]): string => {
  const [first] = anomalies;
  const kinds = ANOMALIES.filter((kind) => anomalies.some((one) => one.kind === kind));
  const hours = anomalies.length === 1 ? "1 hour was" : `${formatCount(anomalies.length)} hours were`;
  const from =
    first === undefined
      ? ""
      : `, ${anomalies.length === 1 ? "" : "the first "}from ${formatInstant(first.hourS)}`;
  return `${hours} not as usual${from}: ${formatList(kinds.map((kind) => DESCRIPTIONS[kind]))}`;
};

export const heldBackText = (action: "KEEP" | "ROLLBACK", { anomalies }: OrdinaryTests): string =>
  `${action} is held back: ${describeAnomalies(anomalies)}. Without the units of such hours the feature is not ${action === "KEEP" ? "proven good" : "shown to miss its threshold"} yet`;
