// Whether the cohorts have the sizes that the rollout gives them, as the trial has counted them since the shares last changed.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";

const Period = z.object({
  since: z.number(),
  rolloutBps: z.number(),
  holdoutBps: z.number(),
  treatment: z.number(),
  holdout: z.number(),
});

type RatioEvidence = { readonly logEvidence: number; readonly logBar: number };

/**
 * null: there is nothing to compare yet. `deciding`: the evidence of the newest decision, which is read at the same time. The evidence holds at every look, so its inverse is a p value that does too
 * (Ville's inequality).
 */
export const readSampleRatio = async (
  db: Queryable,
  { featureId, epoch }: { featureId: FeatureId; epoch: number },
  deciding: Promise<RatioEvidence | null>,
) => {
  const [{ rows }, evidence] = await Promise.all([
    db.query<{ period: unknown }>(
      "select evidence -> 'sampleRatio' as period from pmf_trials where feature_id = $1 and epoch = $2",
      [featureId, epoch],
    ),
    deciding,
  ]);
  if (evidence === null) return null;
  const found = Period.safeParse(rows[0]?.period);
  if (!found.success) return null;
  const { since, rolloutBps, holdoutBps, treatment, holdout } = found.data;
  if (rolloutBps === 0 || holdoutBps === 0 || treatment + holdout === 0) return null;
  return {
    since: new Date(since * 1_000),
    expected: rolloutBps / (rolloutBps + holdoutBps),
    observed: treatment / (treatment + holdout),
    treatment,
    holdout,
    pValue: Math.min(1, Math.exp(-evidence.logEvidence)),
    isMismatch: evidence.logEvidence >= evidence.logBar,
  };
};
