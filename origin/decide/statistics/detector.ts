// Watches a feature that was kept. Evidence over a whole life goes blind after a long healthy one: it would take as many
// bad units to sink it as good ones lifted it. An e-detector starts a new test with every batch and adds them all up
// (Shin, Ramdas & Rinaldo, "E-detectors"): while the feature is healthy it alarms at most once in `bar` batches on
// average, and after a fall it needs only the units since.
import { logSumExp } from "./log-sum-exp.ts";

/** Treatment units in a batch, at least: a batch is a number of users, not a tick of the clock. */
export const BATCH_UNITS = 50;

/** ln R of each component; empty before the first batch. */
export type Detector = readonly number[];

/** R ← (R + 1) · L for each component, where `logEValues` are the batch's ln L. */
export const updateDetector = (detector: Detector, logEValues: readonly number[]): number[] =>
  logEValues.map((logEValue, i) => {
    const before = detector[i] ?? -Infinity;
    return Math.max(before, 0) + Math.log1p(Math.exp(-Math.abs(before))) + logEValue;
  });

/** ln of the mean of R: alarms at ln bar. */
export const logAlarm = (detector: Detector): number =>
  detector.length === 0 ? -Infinity : logSumExp(detector) - Math.log(detector.length);
