// Which features this process evaluates, when several processes do: one holder a feature, by a lock in Redis that the
// holder renews. The lock saves work and nothing else. A holder that was paused past its lock's end finds that another process
// has stored the trial since, or that the version no longer fits, and so it changes nothing.
import { Mutex } from "redis-semaphore";
import type { RedisClient } from "redis-semaphore/lib/types.js";
import type { Metrics } from "../runtime/metrics.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { WarningLog } from "../runtime/log.ts";

/** A dead holder's features are free after this long, in ms. */
const LOCK_MS = 3_000;
const RENEW_MS = 1_000;

/* oxlint-disable no-underscore-dangle -- the library's own names: it would put "mutex:" before the key, and would let
   a renewal that fails go unhandled */
class EvaluationLock extends Mutex {
  constructor(redis: RedisClient, featureId: FeatureId, onLost: () => void) {
    super(redis, featureId, {
      lockTimeout: LOCK_MS,
      refreshInterval: RENEW_MS,
      acquireAttemptsLimit: 1,
      onLockLost: onLost,
    });
    this._key = `lock:pmf:eval:${featureId}`;
  }

  /** Redis being away must not end the process: a lock that cannot be renewed is a lost one. */
  protected override async _refresh(): Promise<boolean> {
    return super._refresh().catch(() => false);
  }
}
/* oxlint-enable no-underscore-dangle */

export type EvaluationLocks = {
  /** The features among these that this process may evaluate now. It takes free locks, and gives back those not named. */
  readonly hold: (featureIds: readonly FeatureId[]) => Promise<FeatureId[]>;
  /** Gives everything back, for another process to go on at once. */
  readonly stop: () => Promise<void>;
};

type Attempt = "held" | "taken" | "unreachable";

/** With Redis away every process evaluates everything: more work, the same outcome. */
export const makeEvaluationLocks = (options: {
  redis: RedisClient;
  metrics: Pick<Metrics, "lockTimeouts" | "evaluationLocks">;
  log: WarningLog;
}): EvaluationLocks => {
  const { redis, metrics, log } = options;
  const held = new Map<FeatureId, EvaluationLock>();

  const release = async (featureId: FeatureId, lock: EvaluationLock): Promise<void> => {
    held.delete(featureId);
    // With Redis away the lock ends by itself.
    await lock.release().catch(() => {});
  };

  const tryHold = async (featureId: FeatureId): Promise<Attempt> => {
    if (held.has(featureId)) return "held";
    const lock = new EvaluationLock(redis, featureId, () => {
      held.delete(featureId);
      metrics.lockTimeouts.inc();
      log.warn(
        { featureId },
        "another process may have taken over the evaluation of this feature: its lock could not be renewed in time",
      );
    });
    try {
      if (!(await lock.tryAcquire())) return "taken";
      held.set(featureId, lock);
      return "held";
    } catch {
      metrics.lockTimeouts.inc();
      return "unreachable";
    }
  };

  return {
    hold: async (featureIds) => {
      const wanted = new Set(featureIds);
      await Promise.all(
        [...held].filter(([featureId]) => !wanted.has(featureId)).map(([id, lock]) => release(id, lock)),
      );
      const attempts = await Promise.all(featureIds.map(tryHold));
      for (const state of ["held", "taken", "unreachable"] as const)
        metrics.evaluationLocks.set({ state }, attempts.filter((attempt) => attempt === state).length);
      return featureIds.filter((_, i) => attempts[i] !== "taken");
    },
    stop: async () => {
      await Promise.all([...held].map(([featureId, lock]) => release(featureId, lock)));
    },
  };
};
