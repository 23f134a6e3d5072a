// How many people meet each feature in each hour: by the time of the day, the share that gets it, and chance.
import { z } from "zod";
import type { Pool } from "../../origin/db/pool.ts";
import { Rule } from "../../shared/features/rule.ts";
import { chanceOf, someOf } from "./chance.ts";
import type { SeededFeature } from "./features.ts";
import type { FeatureHour } from "./telemetry-rows.ts";

const DAY = 86_400;
const HOUR = 3_600;

const Open = z.object({
  featureId: z.string(),
  epoch: z.number(),
  rolloutBps: z.number(),
  holdoutBps: z.number(),
  openedS: z.number(),
  rule: z.unknown(),
});
type Open = z.infer<typeof Open>;

/** The open features as the database has them now. */
export const readOpen = async (owner: Pool): Promise<Open[]> => {
  const { rows } = await owner.query(
    `select f.feature_id as "featureId", f.epoch, f.rollout_bps as "rolloutBps", f.holdout_bps as "holdoutBps",
       extract(epoch from f.epoch_started_at)::float8 as "openedS", r.rule
     from feature_flags f left join pmf_rules r using (feature_id) where f.enabled order by f.feature_id`,
  );
  return rows.map((row) => Open.parse(row));
};

/** Many in the evening, few at night. `agoS`: seconds before now; it is noon then. */
const crowdAt = (agoS: number): number => 1 + 0.7 * Math.cos((2 * Math.PI * (agoS - 16 * HOUR)) / DAY);

const windowsOf = (rule: unknown) => Rule.parse(rule ?? { ...NO_RULE });
const NO_RULE = {
  featureId: "none",
  activationThreshold: 0,
  retentionThreshold: 0,
  latencyP95Threshold: 1_000,
  minCohortSize: 1,
  evaluationWindowSeconds: DAY,
};

/** The visits of an open feature in the hours that begin in [fromS, untilS). */
export const hoursOf = (
  seeded: SeededFeature,
  open: Open,
  { fromS, untilS, nowS }: { fromS: number; untilS: number; nowS: number },
): FeatureHour[] => {
  const hours: FeatureHour[] = [];
  for (let bucketS = fromS; bucketS < untilS; bucketS += HOUR) {
    if (bucketS < open.openedS) continue;
    const agoS = nowS - bucketS;
    const hour = -Math.round(agoS / HOUR);
    const chance = chanceOf(`visits ${seeded.featureId} ${hour}`);
    const visitors = Math.round(seeded.visitors * crowdAt(agoS) * (0.9 + 0.2 * chance()));
    const treatment = someOf(visitors, open.rolloutBps / 10_000, chance);
    const holdout = someOf(visitors, open.holdoutBps / 10_000, chance);
    const { holdout: usual, treatment: before } = seeded.cohorts;
    const hasTurned = seeded.turns !== undefined && agoS <= seeded.turns.days * DAY;
    hours.push({
      featureId: seeded.featureId,
      epoch: open.epoch,
      hour,
      bucketS,
      units: { treatment, holdout },
      cohorts: { holdout: usual, treatment: hasTurned ? { ...before, ...seeded.turns.treatment } : before },
      windows: windowsOf(open.rule),
    });
  }
  return hours;
};
