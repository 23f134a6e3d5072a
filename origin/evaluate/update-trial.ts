// Accumulates what has matured into a trial. Pure.
import { decodeSketch, encodeSketch, mergeEncoded, quantile } from "../../shared/telemetry/latency-sketch.ts";
import { accumulateExposures } from "../decide/accumulate-exposures.ts";
import { accumulateOutcomes } from "../decide/accumulate-outcomes.ts";
import { accumulateTraffic } from "../decide/accumulate-requests.ts";
import { accumulateVolume, isUsualFor, openingOf, trimVolume } from "../decide/accumulate-volume.ts";
import type { OutcomeBucket } from "../decide/accumulate-outcomes.ts";
import type { Evidence, OutcomeEvidence } from "../decide/evidence.ts";
import { takeInRollout } from "../decide/lowered-shares.ts";
import { againstOf } from "../decide/judged-rule.ts";
import { isJudgedForLatency, trafficBuckets, type TrafficPart } from "./read-traffic.ts";
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

/** Units that are exposed just now, in buckets that are left out beforehand. */
const leaveOutExposed = (
  part: OutcomeEvidence,
  found: readonly OutcomeBucket[],
  { accumulatedTo }: Evidence["exposed"],
): OutcomeEvidence => {
  const units = found
    .filter(({ bucketS }) => bucketS >= accumulatedTo && bucketS < part.accumulatedTo)
    .reduce((sum, { treatment }) => sum + treatment.n, 0);
  return units === 0 ? part : { ...part, leftOut: part.leftOut + units };
};

const updateOutcomes = (
  target: EvaluationTarget,
  trial: Trial,
  outcomes: MatureData["outcomes"],
  now: number,
): Trial => {
  const { rule, ages } = target;
  const { evidence } = trial;
  const isKept = trial.decided === "KEEP";
  const exposures = outcomes.get(outcomeKey("exposure", 0));
  const accumulateAge = (signal: "activation" | "retention", known: OutcomeEvidence): OutcomeEvidence => {
    const part = exposures === undefined ? known : leaveOutExposed(known, exposures.found, evidence.exposed);
    const mature = outcomes.get(outcomeKey(signal, part.ageSeconds));
    const threshold = signal === "activation" ? rule.activationThreshold : rule.retentionThreshold;
    const terms = { threshold, against: againstOf(rule, signal), isKept };
    return mature === undefined
      ? part
      : accumulateOutcomes(
          part,
          mature.found,
          mature.upTo,
          terms,
          isUsualFor(part, target, openingOf(signal, rule, ages)),
        );
  };
  /** The whole window is watched beside the traffic in which its units could succeed. */
  const accumulateWindow = (signal: "activation" | "retention", part: OutcomeEvidence): OutcomeEvidence => {
    const opening = openingOf(signal, rule, ages);
    const beside = exposures === undefined ? part : accumulateVolume(part, exposures, target, opening);
    return trimVolume(accumulateAge(signal, beside), opening);
  };
  const accumulate =
    (signal: "activation" | "retention") =>
    (part: OutcomeEvidence, index: number, all: readonly OutcomeEvidence[]): OutcomeEvidence =>
      index === all.length - 1 ? accumulateWindow(signal, part) : accumulateAge(signal, part);
  return {
    ...trial,
    changed: true,
    evidence: {
      ...evidence,
      ...(exposures !== undefined &&
        accumulateExposures(evidence, exposures.found, exposures.upTo, { rollout: target, now })),
      activation: evidence.activation.map(accumulate("activation")),
      retention: evidence.retention.map(accumulate("retention")),
    },
  };
};

const updateTraffic = (
  { rule }: EvaluationTarget,
  trial: Trial,
  { found, upTo }: NonNullable<MatureData["traffic"]>,
): Trial => {
  const judged = found.filter((part) => isJudgedForLatency(part, rule.latency.of));
  const treatmentSketch = mergeSketches(trial.treatmentSketch, judged, "treatment");
  const holdoutSketch = mergeSketches(trial.holdoutSketch, judged, "holdout");
  const buckets = trafficBuckets(found, {
    latencyThresholdMs: rule.latencyP95Threshold,
    latencyOf: rule.latency.of,
  });
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
  const { rule, ages } = target;
  const changed = takeInRollout(trial.evidence, {
    rule,
    rollout: target,
    bucketSeconds: ages.bucketSeconds,
    now,
  });
  const current = changed === null ? trial : { ...trial, changed: true, evidence: changed };
  const updated = outcomes.size === 0 ? current : updateOutcomes(target, current, outcomes, now);
  return traffic === undefined ? updated : updateTraffic(target, updated, traffic);
};
