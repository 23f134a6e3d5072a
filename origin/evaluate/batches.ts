// Targets in batches that are evaluated one after the other.
import type { EvaluationTarget } from "./targets.ts";

/** Buckets that are read at once, but for a feature that has more by itself: some 20 ms of the event loop. */
const BUCKETS_A_BATCH = 1_000;
/** A feature costs at least so many: one new bucket is read at each of its ages. */
const BUCKETS_A_FEATURE = 10;

type Batched = Pick<EvaluationTarget, "trial" | "epochStartedAt" | "ages">;

/**
 * Targets with few new buckets come first: one with months to catch up on holds up neither the others nor the other work of the
 * process. `now`: unix seconds.
 */
export const batchTargets = <Target extends Batched>(targets: readonly Target[], now: number): Target[][] => {
  const weighed = targets.map((target) => {
    const accumulatedTo = target.trial?.evidence.traffic.accumulatedTo ?? target.epochStartedAt;
    const buckets = Math.max(BUCKETS_A_FEATURE, (now - accumulatedTo) / target.ages.bucketSeconds);
    return { target, buckets };
  });
  const batches: Target[][] = [];
  let room = 0;
  for (const { target, buckets } of weighed.toSorted((a, b) => a.buckets - b.buckets)) {
    const batch = batches.at(-1);
    if (batch !== undefined && buckets <= room) batch.push(target);
    else {
      batches.push([target]);
      room = BUCKETS_A_BATCH;
    }
    room -= buckets;
  }
  return batches;
};
