// Takes exposures into the volume of traffic beside which a kept feature's outcomes are watched.
import type { Ages } from "../../shared/features/outcome-ages.ts";
import type { OutcomeBucket } from "./accumulate-outcomes.ts";
import type { OutcomeEvidence } from "./evidence.ts";
import type { CohortShares } from "./statistics/sample-ratio.ts";
import { addExposures, forgetBefore, isUsual, volumeOf } from "./statistics/volume.ts";

type Part = Pick<OutcomeEvidence, "ageSeconds" | "volume">;

const windowOf = (
  { ageSeconds }: Pick<Part, "ageSeconds">,
  { bucketSeconds }: Pick<Ages, "bucketSeconds">,
) => ({
  windowSeconds: ageSeconds,
  bucketSeconds,
});

/**
 * Exposures of both cohorts up to `upTo` (unix seconds). They count by the part of all visitors that the rollout makes them, so that
 * a ramp's next stage is no crowd.
 */
export const accumulateVolume = <P extends Part>(
  part: P,
  { found, upTo }: { readonly found: readonly OutcomeBucket[]; readonly upTo: number },
  { rolloutBps, holdoutBps }: CohortShares,
  ages: Pick<Ages, "bucketSeconds">,
): P => {
  const visitorsPerUnit = 10_000 / Math.max(1, rolloutBps + holdoutBps);
  const exposures = found.map(({ bucketS, treatment, holdout }) => ({
    bucketS,
    units: (treatment.n + holdout.n) * visitorsPerUnit,
  }));
  return { ...part, volume: addExposures(part.volume, exposures, upTo, windowOf(part, ages)) };
};

/** Keeps of the volume what the buckets that are not mature yet need. */
export const trimVolume = <P extends Part & Pick<OutcomeEvidence, "accumulatedTo">>(
  part: P,
  ages: Pick<Ages, "bucketSeconds">,
): P => ({ ...part, volume: forgetBefore(part.volume, part.accumulatedTo, windowOf(part, ages)) });

/** Whether units came as ever while those of the bucket that begins at `bucketS` could succeed. */
export const isUsualFor =
  (part: Part, ages: Pick<Ages, "bucketSeconds">) =>
  (bucketS: number): boolean =>
    isUsual(volumeOf(part.volume, bucketS, windowOf(part, ages)));

/** For the newest mature bucket: how many units came, as a part of what is usual; null: as ever, or not known. */
export const unusualVolume = (
  part: Part & Pick<OutcomeEvidence, "accumulatedTo">,
  ages: Pick<Ages, "bucketSeconds">,
): number | null => {
  const volume = volumeOf(part.volume, part.accumulatedTo - ages.bucketSeconds, windowOf(part, ages));
  return isUsual(volume) ? null : volume;
};
