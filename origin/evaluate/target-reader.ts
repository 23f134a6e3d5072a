// Keeps the evaluation targets in memory. A target with its trial's evidence is some kilobytes, so it is read again only when its
// fingerprint has changed or another process has stored its trial: of a thousand features a second only those to which
// something happened.
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { trialStamp } from "./stored-trial.ts";
import {
  among,
  readTargetIds,
  readTargets,
  type EvaluationTarget,
  type UnreadableTarget,
} from "./targets.ts";

/** The trial's stamp, and everything else that a target depends on, as one text. */
type Fingerprint = { feature_id: string; stamp: string | null; fingerprint: string };

/** Short enough to be read for all features every second. */
const readFingerprints = async (db: Queryable, featureIds: readonly FeatureId[]): Promise<Fingerprint[]> => {
  const { suffix, condition, values } = among(featureIds);
  const { rows } = await db.query<Fingerprint>({
    name: `read-fingerprints${suffix}`,
    text: `
     select f.feature_id, ${trialStamp} as stamp, concat_ws(' ', f.version, f.epoch, r.version,
       w.activation_ages_s::text, w.retention_ages_s::text, w.return_after_s, w.bucket_s,
       p.rollout_bps, p.since, p.paused,
       (select min(q.since) from fold_quarantine q where q.feature_id = f.feature_id and q.epoch = f.epoch)) as fingerprint
     from feature_flags f
     join pmf_rules r using (feature_id)
     left join pmf_trials t using (feature_id, epoch)
     left join fold_windows w using (feature_id, epoch)
     left join pmf_ramps p using (feature_id)
     where f.enabled and ${condition}
     order by f.feature_id`,
    values,
  });
  return rows;
};

/** More targets than this are not kept: features that were deleted would otherwise stay for ever. */
const MOST_KEPT = 20_000;

export type TargetReader = {
  /** All targets, or those of `featureIds`. */
  readonly read: (featureIds?: readonly FeatureId[]) => Promise<EvaluationTarget[]>;
  /** Takes note of the trial and evaluation that were just stored, so that they need not be read again. */
  readonly noteStored: (target: EvaluationTarget, stored: Pick<EvaluationTarget, "trial" | "last">) => void;
};

/** `onUnreadable`: told each time that a target is read and cannot be. */
export const makeTargetReader = (
  db: Queryable,
  onUnreadable: (target: UnreadableTarget) => void,
): TargetReader => {
  const kept = new Map<string, { fingerprint: string; target: EvaluationTarget }>();
  const isCurrent = ({ feature_id: id, fingerprint, stamp }: Fingerprint): boolean => {
    const known = kept.get(id);
    return known?.fingerprint === fingerprint && (known.target.trial?.stamp ?? null) === stamp;
  };
  return {
    read: async (featureIds) => {
      const fingerprints = await readFingerprints(db, featureIds ?? (await readTargetIds(db)));
      const changed = fingerprints.filter((one) => !isCurrent(one)).map(({ feature_id: id }) => id);
      const read = new Map<string, EvaluationTarget>();
      for (const target of await readTargets(db, changed)) {
        if (!("error" in target)) read.set(target.featureId, target);
        else {
          kept.delete(target.featureId);
          onUnreadable(target);
        }
      }
      const found: EvaluationTarget[] = [];
      for (const { feature_id: id, fingerprint } of fingerprints) {
        const target = read.get(id) ?? kept.get(id)?.target;
        if (target === undefined) continue;
        kept.set(id, { fingerprint, target });
        found.push(target);
      }
      if (kept.size > MOST_KEPT) kept.clear();
      return found;
    },
    noteStored: (target, stored) => {
      const known = kept.get(target.featureId);
      if (known?.target !== target) return;
      kept.set(target.featureId, { fingerprint: known.fingerprint, target: { ...target, ...stored } });
    },
  };
};
