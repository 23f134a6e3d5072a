// How long the requests of a feature's present trial take, in treatment and in the holdout: what the evaluation has merged.
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import {
  countAbove,
  decodeSketch,
  histogramOf,
  quantile,
  totalOf,
} from "../../shared/telemetry/latency-sketch.ts";

type Stored = { readonly treatment: Uint8Array; readonly holdout: Uint8Array };

const summaryOf = (stored: Uint8Array, thresholdMs: number | null) => {
  const sketch = decodeSketch(stored);
  return {
    requests: totalOf(sketch),
    above: thresholdMs === null ? null : countAbove(stored, thresholdMs),
    p50Ms: quantile(sketch, 0.5),
    p95Ms: quantile(sketch, 0.95),
    p99Ms: quantile(sketch, 0.99),
  };
};

/** `thresholdMs`: null where the feature has no rule. Without a trial there are no buckets. */
export const readLatency = async (
  db: Queryable,
  { featureId, epoch }: { featureId: FeatureId; epoch: number },
  thresholdMs: number | null,
) => {
  const { rows } = await db.query<Stored>(
    `select treatment_sketch as treatment, holdout_sketch as holdout
     from pmf_trials where feature_id = $1 and epoch = $2 and length(treatment_sketch) > 0`,
    [featureId, epoch],
  );
  const stored = rows[0];
  if (stored === undefined) return { treatment: null, holdout: null, buckets: [] };
  const buckets = histogramOf([decodeSketch(stored.treatment), decodeSketch(stored.holdout)]);
  return {
    treatment: summaryOf(stored.treatment, thresholdMs),
    holdout: summaryOf(stored.holdout, thresholdMs),
    buckets: buckets.map(({ fromMs, toMs, counts: [treatment = 0, holdout = 0] }) => ({
      fromMs,
      toMs,
      treatment,
      holdout,
    })),
  };
};
