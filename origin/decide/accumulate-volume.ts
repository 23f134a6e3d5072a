// Takes exposures into the volume of traffic beside which a kept feature's outcomes are watched.
import type { Ages } from "../../shared/features/outcome-ages.ts";
import type { Rule } from "../../shared/features/rule.ts";
import type { OutcomeBucket } from "./accumulate-outcomes.ts";
import type { OutcomeEvidence } from "./evidence.ts";
import type { CohortShares } from "./statistics/sample-ratio.ts";
import { addExposures, forgetBefore, isUsual, trafficBeside, type Window } from "./statistics/volume.ts";

type Part = Pick<OutcomeEvidence, "ageSeconds" | "volume">;

/** When a unit of this outcome can succeed. `opensAfterSeconds`: 0 for activation, `returnAfterSeconds` for retention. */
export type Opening = Pick<Ages, "bucketSeconds"> & { readonly opensAfterSeconds: number };

export const openingOf = (
  signal: "activation" | "retention",
  { returnAfterSeconds }: Pick<Rule, "returnAfterSeconds">,
  { bucketSeconds }: Pick<Ages, "bucketSeconds">,
): Opening => ({ bucketSeconds, opensAfterSeconds: signal === "retention" ? returnAfterSeconds : 0 });

const windowOf = ({ ageSeconds }: Pick<Part, "ageSeconds">, opening: Opening): Window => ({
  ...opening,
  windowSeconds: ageSeconds,
});

/** Visitors for each unit of either cohort, so that a ramp's next stage is no crowd. */
const visitorsPerUnit = ({ rolloutBps, holdoutBps }: CohortShares): number =>
  10_000 / Math.max(1, rolloutBps + holdoutBps);

const visitorsOf = ({ treatment, holdout }: OutcomeBucket, rollout: CohortShares): number =>
  (treatment.n + holdout.n) * visitorsPerUnit(rollout);

/**
 * Exposures of both cohorts up to `upTo` (unix seconds). They count by the part of all visitors that the rollout makes them.
 */
export const accumulateVolume = <P extends Part>(
  part: P,
  { found, upTo }: { readonly found: readonly OutcomeBucket[]; readonly upTo: number },
  rollout: CohortShares,
  opening: Opening,
): P => {
  const exposures = found.map((bucket) => ({ bucketS: bucket.bucketS, units: visitorsOf(bucket, rollout) }));
  return { ...part, volume: addExposures(part.volume, exposures, upTo, windowOf(part, opening)) };
};

/** Keeps of the volume what the buckets that are not mature yet need. */
export const trimVolume = <P extends Part & Pick<OutcomeEvidence, "accumulatedTo">>(
  part: P,
  opening: Opening,
): P => {
  // Buckets that are left out may lie ahead of what is known.
  const oldest = Math.min(part.accumulatedTo, part.volume.knownTo);
  return { ...part, volume: forgetBefore(part.volume, oldest, windowOf(part, opening)) };
};

/** Whether units came as ever in a bucket, beside it, and while its units could succeed. */
export const isUsualFor =
  (part: Part, rollout: CohortShares, opening: Opening) =>
  (bucket: OutcomeBucket): boolean =>
    trafficBeside(
      part.volume,
      { bucketS: bucket.bucketS, units: visitorsOf(bucket, rollout) },
      windowOf(part, opening),
    ).every((traffic) => isUsual(traffic, visitorsPerUnit(rollout)));

/** For the newest mature bucket: how many units came, as a part of what is usual; null: as ever, or not known. */
export const unusualVolume = (
  part: Part & Pick<OutcomeEvidence, "accumulatedTo">,
  rollout: CohortShares,
  opening: Opening,
): number | null => {
  const newest = { bucketS: part.accumulatedTo - opening.bucketSeconds, units: null };
  const unusual = trafficBeside(part.volume, newest, windowOf(part, opening)).find(
    (traffic) => !isUsual(traffic, visitorsPerUnit(rollout)),
  );
  return unusual === undefined ? null : unusual.units / unusual.usual;
};
