// Accumulates what has matured into a trial: first what it has missed before of people who can be asked again, then the rest, and it
// notes of whom it misses that. Pure.
import { decodeSketch, encodeSketch, mergeEncoded, quantile } from "../../shared/telemetry/latency-sketch.ts";
import { accumulateExposures } from "../decide/accumulate-exposures.ts";
import { accumulateOutcomes } from "../decide/accumulate-outcomes.ts";
import { accumulateTraffic } from "../decide/accumulate-requests.ts";
import { accumulateVolume, isUsualFor, openingOf, trimVolume } from "../decide/accumulate-volume.ts";
import type { OutcomeBucket } from "../decide/accumulate-outcomes.ts";
import type { Evidence, OutcomeEvidence } from "../decide/evidence.ts";
import { takeInRollout } from "../decide/lowered-shares.ts";
import { againstOf } from "../decide/judged-rule.ts";
import { addMissed, withoutMissed, type Missed } from "../decide/missed.ts";
import type { CohortShares } from "../decide/statistics/sample-ratio.ts";
import { isJudgedForLatency, trafficBuckets, type TrafficPart } from "./read-traffic.ts";
import { outcomeKey, type MatureData } from "./read-mature.ts";
import type { Late } from "./read-late.ts";
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

/** Who is counted, where only a share of all people is: the others are not fewer visitors. */
const countedShares = ({ rolloutBps, holdoutBps }: CohortShares, share: number): CohortShares => ({
  rolloutBps: rolloutBps * share,
  holdoutBps: holdoutBps * share,
});

const updateOutcomes = (
  target: EvaluationTarget,
  trial: Trial,
  { outcomes, share }: Pick<MatureData, "outcomes" | "share">,
  now: number,
): Trial => {
  const { rule, ages } = target;
  const counted = countedShares(target, share);
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
          isUsualFor(part, counted, openingOf(signal, rule, ages)),
        );
  };
  /** The whole window is watched beside the traffic in which its units could succeed. */
  const accumulateWindow = (signal: "activation" | "retention", part: OutcomeEvidence): OutcomeEvidence => {
    const opening = openingOf(signal, rule, ages);
    const beside = exposures === undefined ? part : accumulateVolume(part, exposures, counted, opening);
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

/** Takes in buckets of people who were missed, which begin before what is accumulated. */
const takeInLate = (
  target: EvaluationTarget,
  trial: Trial,
  { missed, outcomes, traffic, share }: Late,
  now: number,
): Trial => {
  const { rule, ages } = target;
  const { signal, ageSeconds, from, upTo } = missed;
  const { evidence } = trial;
  const isKept = trial.decided === "KEEP";
  switch (signal) {
    case "exposure": {
      const { accumulatedTo } = evidence.exposed;
      const before = { ...evidence, exposed: { ...evidence.exposed, accumulatedTo: from } };
      const after = accumulateExposures(before, outcomes, upTo, { rollout: target, now });
      const exposed = { ...after.exposed, accumulatedTo };
      return { ...trial, changed: true, evidence: { ...evidence, ...after, exposed } };
    }
    case "activation":
    case "retention": {
      const threshold = signal === "activation" ? rule.activationThreshold : rule.retentionThreshold;
      const terms = { threshold, against: againstOf(rule, signal), isKept };
      const accumulate = (part: OutcomeEvidence): OutcomeEvidence =>
        part.ageSeconds !== ageSeconds
          ? part
          : {
              ...accumulateOutcomes(
                { ...part, accumulatedTo: from },
                outcomes,
                upTo,
                terms,
                isUsualFor(part, countedShares(target, share), openingOf(signal, rule, ages)),
              ),
              accumulatedTo: part.accumulatedTo,
            };
      return {
        ...trial,
        changed: true,
        evidence: { ...evidence, [signal]: evidence[signal].map(accumulate) },
      };
    }
    case "traffic": {
      const { accumulatedTo } = evidence.traffic;
      const before = { ...evidence, traffic: { ...evidence.traffic, accumulatedTo: from } };
      const after = updateTraffic(target, { ...trial, evidence: before }, { found: traffic, upTo });
      return {
        ...after,
        evidence: { ...after.evidence, traffic: { ...after.evidence.traffic, accumulatedTo } },
      };
    }
  }
};

/** What is accumulated now without the people of `away`. */
const missedNow = ({ evidence }: Trial, { outcomes, traffic, away }: MatureData): Missed[] => {
  const missed: Missed[] = [];
  const note = (
    signal: Missed["signal"],
    ageSeconds: number,
    from: number,
    upTo: number | undefined,
  ): void => {
    if (upTo === undefined || from >= upTo) return;
    for (const partition of away) missed.push({ partition, signal, ageSeconds, from, upTo });
  };
  note("exposure", 0, evidence.exposed.accumulatedTo, outcomes.get(outcomeKey("exposure", 0))?.upTo);
  for (const signal of ["activation", "retention"] as const)
    for (const { ageSeconds, accumulatedTo } of evidence[signal])
      note(signal, ageSeconds, accumulatedTo, outcomes.get(outcomeKey(signal, ageSeconds))?.upTo);
  note("traffic", 0, evidence.traffic.accumulatedTo, traffic?.upTo);
  return missed;
};

/** `now`: unix seconds. */
export const updateTrial = (
  target: EvaluationTarget,
  trial: Trial,
  mature: MatureData,
  now: number,
): Trial => {
  const { rule, ages } = target;
  const { outcomes, traffic, late } = mature;
  const changed = takeInRollout(trial.evidence, {
    rule,
    rollout: target,
    bucketSeconds: ages.bucketSeconds,
    now,
  });
  let current = changed === null ? trial : { ...trial, changed: true, evidence: changed };
  for (const one of late) current = takeInLate(target, current, one, now);
  const { evidence } = current;
  const missed = addMissed(
    withoutMissed(
      evidence.missed,
      late.map((one) => one.missed),
    ),
    missedNow(current, mature),
  );
  current = missed === evidence.missed ? current : { ...current, evidence: { ...evidence, missed } };
  const updated = outcomes.size === 0 ? current : updateOutcomes(target, current, mature, now);
  return traffic === undefined ? updated : updateTraffic(target, updated, traffic);
};
