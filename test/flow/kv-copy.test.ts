// The copy in KV while features change all the time.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { startTestSite, type TestSite } from "../support/site.ts";

let site: TestSite;
let edge: TestEdge;

beforeAll(async () => {
  site = await startTestSite();
  edge = await startTestEdge({ UPSTREAM_URL: site.url });
});
afterAll(async () => {
  await edge.stop();
  await site.stop();
});

type Copy = { revision: number; writtenAt: number };

test("while many pushes come, KV is written about once a second, and ends with the newest state", async () => {
  const copies = new Map<number, number>();
  let revision = 0;
  let isDone = false;
  const look = async (): Promise<void> => {
    for (;;) {
      const found = JSON.parse((await edge.readKvCopy()) ?? "null") as Copy | null;
      if (found !== null) copies.set(found.writtenAt, found.revision);
      if (isDone && found?.revision === revision) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const looking = look();
  const until = Date.now() + 4_500;
  while (Date.now() < until) {
    const feature = { featureId: "feat_a", enabled: true, rolloutBps: 10_000, version: revision + 1 };
    expect((await edge.push({ revision: ++revision, full: true, features: [feature] })).status).toBe(200);
  }
  isDone = true;
  await looking;
  const times = [...copies.keys()];
  expect(revision).toBeGreaterThan(20);
  expect(times.length).toBeGreaterThanOrEqual(4);
  for (const [i, at] of times.slice(1).entries()) expect(at - times[i]!).toBeGreaterThanOrEqual(995);
  expect(copies.get(times.at(-1)!)).toBe(revision);
});
