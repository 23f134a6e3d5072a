// A location whose isolates are shared out among several replicas: each isolate watches one of them, each gets the push.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { startTestSite, type TestSite } from "../support/site.ts";

const ISOLATES = 8;
let site: TestSite;
let edge: TestEdge;

beforeAll(async () => {
  site = await startTestSite();
  edge = await startTestEdge(
    { UPSTREAM_URL: site.url, REPLICA_SHARDS: "4" },
    { morePorts: Array.from({ length: ISOLATES - 1 }, () => 0) },
  );
});
afterAll(async () => {
  await edge.stop();
  await site.stop();
});

type Health = { revision: number; source: string };
const health = async (url: string): Promise<Health> => (await fetch(`${url}/.sluice/health`)).json() as never;

const feature = (enabled: boolean) => ({ featureId: "feat_a", enabled, rolloutBps: 10_000, version: 1 });

test("the receipts name every replica that is awake, and every isolate has the push when it is answered", async () => {
  const urls = [edge.url, ...edge.moreUrls];
  await edge.push({ revision: 1, full: true, features: [feature(true)] });
  for (const url of urls) expect(await health(url)).toMatchObject({ revision: 1 });
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // every isolate watches by now

  const pushed = await edge.push({ revision: 2, full: false, features: [feature(false)] });
  const { regions } = (await pushed.json()) as { regions: { region: string; revision: number }[] };
  // Which replica an isolate watches is drawn: that eight of them all draw the same happens once in 16,384 runs.
  expect(regions.length).toBeGreaterThan(1);
  expect(new Set(regions.map(({ region }) => region)).size).toBe(regions.length);
  for (const { region, revision } of regions) {
    expect(region).toMatch(/^[a-z]+-[0-3]$/);
    expect(revision).toBe(2);
  }
  for (const url of urls) expect(await health(url)).toMatchObject({ revision: 2, source: "memory" });
});
