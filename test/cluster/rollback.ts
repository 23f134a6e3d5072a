// A rollback by hand, and how long it takes until no edge shows the feature.
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { ADMIN_TOKEN } from "../support/origin.ts";
import type { World } from "./world.ts";

const Explained = z.object({
  features: z.array(z.object({ featureId: z.string(), state: z.string() })),
});
const Changed = z.looseObject({ version: z.number(), revision: z.number(), epoch: z.number() });
export type Changed = z.infer<typeof Changed>;

/** A client of the admin API waits so long for one answer, and then asks the next origin. */
const PATIENCE_MS = 5_000;
const GIVE_UP_MS = 60_000;

export const openAt = async ({ url }: { readonly url: string }): Promise<ReadonlySet<string>> => {
  const answer = await fetch(`${url}/.sluice/explain`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const { features } = Explained.parse(await answer.json());
  return new Set(features.flatMap(({ featureId, state }) => (state === "open" ? [featureId] : [])));
};

/** Until every edge says so. */
export const untilEdges = async (
  world: World,
  holds: (open: ReadonlySet<string>) => boolean,
): Promise<void> => {
  const deadline = performance.now() + GIVE_UP_MS;
  for (const edge of world.edges)
    while (!holds(await openAt(edge))) {
      if (performance.now() > deadline) throw new Error(`${edge.url} does not agree within ${GIVE_UP_MS} ms`);
      await sleep(5);
    }
};

/** Makes the change at one origin after the other until one acknowledges it. */
export const change = async (world: World, path: string, body: object): Promise<Changed> => {
  const deadline = performance.now() + GIVE_UP_MS;
  let words = "";
  for (let number = 0; performance.now() < deadline; number += 1) {
    try {
      const answer = await fetch(`${world.originAt((number % 3) + 1).url}/admin/v1${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      words = await answer.text();
      if (answer.ok) return Changed.parse(JSON.parse(words));
    } catch (error) {
      words = String(error);
    }
    await sleep(50);
  }
  throw new Error(`no origin took ${path}: ${words}`);
};

/** A new feature that everybody gets, once both edges show it. */
export const openFeature = async (world: World, featureId: string): Promise<Changed> => {
  const made = await change(world, "/features", {
    featureId,
    enabled: true,
    rolloutBps: 10_000,
    holdoutBps: 0,
  });
  await untilEdges(world, (open) => open.has(featureId));
  return made;
};

/** Milliseconds from the request until it is acknowledged, and until both edges have it. */
export const timeRollback = async (
  world: World,
  featureId: string,
): Promise<{ readonly acknowledgedMs: number; readonly edgesMs: number }> => {
  const beganAt = performance.now();
  await change(world, `/features/${featureId}/rollback`, { reason: "npm run cluster" });
  const acknowledgedMs = performance.now() - beganAt;
  await untilEdges(world, (open) => !open.has(featureId));
  return { acknowledgedMs, edgesMs: performance.now() - beganAt };
};
