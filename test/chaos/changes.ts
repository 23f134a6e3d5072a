// People who keep changing features during faults, and remember every acknowledged change.
import { randomUUID } from "node:crypto";
import { makeFeatureChanges } from "../../origin/features/change-feature.ts";
import { newFeature } from "../../origin/features/new-feature.ts";
import { FeatureId } from "../../shared/ids.ts";
import { ADMIN_TOKEN } from "../support/origin.ts";
import type { World } from "./world.ts";

export type Acknowledged = {
  readonly featureId: string;
  readonly version: number;
  readonly revision: number;
};

const FEATURES = 8;
const featureIds = Array.from({ length: FEATURES }, (_, i) => `feat_chaos_${i}`);

/** A client of these tests does not wait as long as an origin tries to learn the outcome of a commit. */
const PATIENCE_MS = 4_000;

/** The answer's status and body; null when there was none in time. */
const ask = async (
  url: string,
  path: string,
  body: object,
): Promise<{ status: number; json: Record<string, unknown> } | null> => {
  try {
    const answer = await fetch(`${url}/admin/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return { status: answer.status, json: JSON.parse(await answer.text()) };
  } catch {
    return null;
  }
};

/** Nothing is broken yet, so that each answer is waited for. */
export const createAll = async (world: World): Promise<void> => {
  const origin = world.origins[0]?.current();
  for (const featureId of featureIds)
    await origin?.admin("POST", "/features", { featureId, rolloutBps: 10_000, holdoutBps: 0, enabled: true });
};

/** One change of one feature through one origin; null when it was refused or nobody knows its outcome. */
export const makeChange = async (
  world: World,
  pick: <T>(from: readonly T[]) => T,
): Promise<Acknowledged | null> => {
  const featureId = pick(featureIds);
  const { url } = pick(world.origins).current();
  const [action, body] = pick<[string, object]>([
    ["rollback", {}],
    ["rollback", {}],
    ["enable", { rolloutBps: 10_000 }],
    ["enable", { rolloutBps: 10_000 }],
    ["rollout", { rolloutBps: pick([0, 10_000]) }],
  ]);
  const answer = await ask(url, `/features/${featureId}/${action}`, { reason: "chaos", ...body });
  if (answer === null || answer.status !== 200) return null;
  return { featureId, version: Number(answer.json["version"]), revision: Number(answer.json["revision"]) };
};

/**
 * Makes `count` changes as fast as possible, through the database alone: features are created, closed, opened and
 * deleted. The features that were there before stay as they were.
 */
export const changeManyTimes = async ({ pool }: World, count: number): Promise<void> => {
  const changes = makeFeatureChanges({ pool, newId: randomUUID });
  const by = { actor: "chaos", reason: "an hour of changes" };
  for (let done = 0; done < count; done += 4) {
    const featureId = FeatureId.parse(`feat_passing_${done % 40}`);
    const feature = newFeature({ featureId, enabled: true, rolloutBps: 10_000, holdoutBps: 0 });
    await changes.createFeature(feature, by);
    await changes.rollbackFeature({ featureId }, by);
    await changes.enableFeature({ featureId }, { rolloutBps: 10_000 }, by);
    await changes.deleteFeature({ featureId }, by);
  }
};
