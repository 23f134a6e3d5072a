// Plans configuration files on the features and segments that are stored now, and checks the site that the plan would leave.
import type { Pool } from "../../db/pool.ts";
import { err, type Result } from "../../../shared/result.ts";
import type { ChangeError } from "../change-error.ts";
import { checkSiteOfAll, readSite } from "../check-site.ts";
import { readManyRelatedFeatures, readOwned, readUsersOf } from "../related-features.ts";
import { readAllSegments } from "../segments/read-segments.ts";
import { readSegmentOwners } from "../segments/segment-owners.ts";
import type { Config } from "./applied-fields.ts";
import { planConfig, type ConfigPlan, type PlanInput } from "./plan-config.ts";

const readPlanInput = async (pool: Pool, config: Config): Promise<PlanInput> => {
  const owned = await readOwned(pool, config.source);
  const owners = await readSegmentOwners(pool);
  const segmentIds = [
    ...config.segments.map(({ segmentId }) => segmentId),
    ...[...owners].flatMap(([id, { source }]) => (source === config.source ? [id] : [])),
  ];
  const related = await readManyRelatedFeatures(pool, {
    featureIds: [...config.features.map(({ featureId }) => featureId), ...owned],
    also: [
      ...config.features.flatMap(({ requires }) => requires ?? []),
      ...(await readUsersOf(pool, segmentIds)),
    ],
  });
  return { related, owned, segments: await readAllSegments(pool), owners };
};

/** Errors name each wrong field by its feature's place in `features`. */
export const planStored = async (
  pool: Pool,
  config: Config,
  siteHosts: readonly string[],
): Promise<Result<ConfigPlan, ChangeError>> => {
  const plan = planConfig(await readPlanInput(pool, config), config);
  if (!plan.ok) return plan;
  const disturbing = checkSiteOfAll(await readSite(pool), plan.value.changes, siteHosts);
  if (disturbing.length === 0) return plan;
  const placeOf = new Map<string, number>(config.features.map(({ featureId }, at) => [featureId, at]));
  const errors = disturbing.map(({ featureId, field, reason }) => ({
    field: placeOf.has(featureId) ? `features.${placeOf.get(featureId)}.${field}` : "segments",
    reason: `${featureId}: ${reason}`,
  }));
  return err({ reason: "invalid", errors });
};
