// Accumulates what has matured into a trial. Pure.
import { decodeSketch, encodeSketch, mergeEncoded, quantile } from "../../shared/telemetry/latency-sketch.ts";
import { accumulateExposures } from "../decide/accumulate-exposures.ts";
import { accumulateOutcomes } from "../decide/accumulate-outcomes.ts";
import { accumulateTraffic } from "../decide/accumulate-requests.ts";
import type { OutcomeEvidence } from "../decide/evidence.ts";
import { trafficBuckets, type TrafficPart } from "./read-traffic.ts";
import { outcomeKey, type MatureData } from "./read-mature.ts";
import type { EvaluationTarget } from "./targets.ts";
import type { Trial } from "./trials.ts";

const mergeSketches = (
  stored: Uint8Array,
  parts: readonly TrafficPart[],
  cohort: "treatment" | "holdout",
): Uint8Array => {
  const added = parts.filter((one) => one.cohort === cohort);
  if (added.length === 0) return stored;
  const merged = decodeSketch(stored);
  for (const { sketch } of added) mergeEncoded(merged, sketch);
  return encodeSketch(merged);
};

const updateOutcomes = (
  target: EvaluationTarget,
  trial: Trial,
  outcomes: MatureData["outcomes"],
  now: number,
): Trial => {
  const { rule } = target;
  const { evidence } = trial;
  const isKept = trial.decided === "KEEP";
  const accumulate = (signal: "activation" | "retention", threshold: number) => (part: OutcomeEvidence) => {
    const mature = outcomes.get(outcomeKey(signal, part.ageSeconds));
    const terms = { threshold, against: rule.compare[signal] ?? "threshold", isKept };
    return mature === undefined ? part : accumulateOutcomes(part, mature.found, mature.upTo, terms);
  };
  const exposures = outcomes.get(outcomeKey("exposure", 0));
  return {
    ...trial,
    changed: true,
    evidence: {
      ...evidence,
      ...(exposures !== undefined &&
        accumulateExposures(evidence, exposures.found, exposures.upTo, { rollout: target, now })),
      activation: evidence.activation.map(accumulate("activation", rule.activationThreshold)),
      retention: evidence.retention.map(accumulate("retention", rule.retentionThreshold)),
    },
  };
};

const updateTraffic = (
  { rule }: EvaluationTarget,
  trial: Trial,
  { found, upTo }: NonNullable<MatureData["traffic"]>,
): Trial => {
  const treatmentSketch = mergeSketches(trial.treatmentSketch, found, "treatment");
  const holdoutSketch = mergeSketches(trial.holdoutSketch, found, "holdout");
  const buckets = trafficBuckets(found, rule.latencyP95Threshold);
  const isKept = trial.decided === "KEEP";
  return {
    ...trial,
    changed: true,
    treatmentSketch,
    holdoutSketch,
    evidence: {
      ...trial.evidence,
      traffic: {
        ...accumulateTraffic(trial.evidence.traffic, buckets, upTo, { rule, isKept }),
        p95Ms: {
          treatment: quantile(decodeSketch(treatmentSketch), 0.95),
          holdout: quantile(decodeSketch(holdoutSketch), 0.95),
        },
      },
    },
  };
};

/** `now`: unix seconds. */
export const updateTrial = (
  target: EvaluationTarget,
  trial: Trial,
  { outcomes, traffic }: MatureData,
  now: number,
): Trial => {
  const updated = outcomes.size === 0 ? trial : updateOutcomes(target, trial, outcomes, now);
  return traffic === undefined ? updated : updateTraffic(target, updated, traffic);
};
