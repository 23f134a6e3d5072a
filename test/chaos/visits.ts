// Visitors who come through the balancer all the while, and what they got: each of their requests is answered with 200, with a
// feature that is open all the time and without one that is closed all the time.
import { setTimeout as sleep } from "node:timers/promises";
import { startVisitors } from "../support/steady-visitors.ts";
import { disagreements } from "./agreement.ts";
import type { World } from "./world.ts";

/** Of the visitors' requests so many are answered as they should be. */
export const AVAILABLE = 0.9999;
const OPEN = "feat_visits_open";
/** Rolled back before the first visit. */
const CLOSED = "feat_visits_closed";
const READY_MS = 30_000;

/** Returns once every edge has both features and gets visitors. */
export const startVisits = async (
  world: World,
  options: {
    perSecond: number;
    path: string;
    /** Hears of each request that was not answered, or not as it should be. */
    onFailed: (failure: { sentAt: number; what: string }) => void;
  },
) => {
  const { perSecond, path, onFailed } = options;
  const { balancer } = world;
  if (balancer === undefined) throw new Error("the world has no balancer");
  const admin = world.origins[0]?.current().admin;
  for (const featureId of [OPEN, CLOSED])
    await admin?.("POST", "/features", { featureId, enabled: true, rolloutBps: 10_000, holdoutBps: 0 });
  await admin?.("POST", `/features/${CLOSED}/rollback`, { reason: "visits" });
  const deadline = performance.now() + READY_MS;
  for (;;) {
    const problems = await disagreements(world, []);
    if (problems.length === 0) break;
    if (performance.now() > deadline) throw new Error(`before the first visit:\n${problems.join("\n")}`);
    await sleep(50);
  }
  for (const index of world.edges.flatMap((edge) => edge.urls()).keys()) await balancer.up("edges", index);

  let visits = 0;
  const visitors = startVisitors(new URL(path, balancer.urls.edges).href, perSecond, ({ sentAt, error }) => {
    visits += 1;
    onFailed({ sentAt, what: error.message });
  });
  visitors.watch(({ sentAt, status, features }) => {
    visits += 1;
    if (status !== 200) onFailed({ sentAt, what: `status ${status}` });
    else if (!features.includes(`${OPEN}=treatment`))
      onFailed({ sentAt, what: `without the open feature: "${features}"` });
    else if (features.includes(`${CLOSED}=`))
      onFailed({ sentAt, what: `with the closed feature: "${features}"` });
  });
  return {
    count: () => visits,
    /** How many requests the balancer sent to another edge, since the first one went away. */
    repeated: () => balancer.repeated("edges"),
    /** Sends no more, and returns when all that were sent are counted. */
    end: visitors.end,
    stop: visitors.stop,
  };
};
