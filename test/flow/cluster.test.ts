// A whole installation loses its primary, a master of Redis, and its last changes. PostgreSQL with standbys behind HAProxy, a
// Redis Cluster of six, three origins and two edges, all real; `npm run cluster` is the same by hand.
import { beforeAll, expect, test, vi } from "vitest";
import { askOnce } from "../cluster/postgres.ts";
import { loseARedisMaster, loseThePrimary, promoteTheLaggingStandby } from "../cluster/story.ts";
import { startWorld, type World } from "../cluster/world.ts";
import { eventually } from "../support/stack.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

let world: World;
beforeAll(async () => {
  world = await startWorld(() => {});
  return world.stop;
});

test("reads of the past are spread over the read replicas", async () => {
  const reads = async (): Promise<number[]> =>
    Promise.all(
      ["replica-1", "replica-2", "replica-3"].map(async (name) => {
        const [row] = await askOnce<{ n: number }>(
          world.postgres.urlOf(name as "replica-1"),
          "select count(*)::integer as n from pg_stat_activity where application_name = 'sluice-history'",
        );
        return row?.n ?? 0;
      }),
    );
  await eventually(async () => {
    for (const origin of world.origins)
      await Promise.all(Array.from({ length: 4 }, () => origin.admin("GET", "/audit")));
    return (await reads()).every((n) => n > 0);
  }, 20_000);
});

test("the primary dies under load, the synchronous standby takes its place, and nothing acknowledged is lost", async () => {
  const report = await loseThePrimary(world);
  expect(report.load.acknowledgedSpans).toBeGreaterThan(0);
  expect(report.load.repeated, "the death met requests under way").toBeGreaterThan(0);
  expect(report.countedUnits).toBe(report.load.acknowledgedSpans);
  expect(report.load.failedVisits).toBe(0);
  expect(report.audit).toMatchObject({ ok: true });
  expect(world.origins.map((origin) => origin.output()).join("")).not.toContain("lacks");
  expect(report.rollbackMs).toBeLessThan(5_000);
  // Nobody had to do anything but promote.
  expect(world.origins.every((origin) => origin.isRunning())).toBe(true);
});

test("a master of Redis dies, and rollbacks reach the edges as if nothing had happened", async () => {
  const { rollbacksMs } = await loseARedisMaster(world);
  for (const ms of rollbacksMs) expect(ms).toBeLessThan(3_000);
});

test("a standby that lacks the last changes is promoted: they are named, and nothing that was closed opens", async () => {
  const report = await promoteTheLaggingStandby(world);
  expect(report.reopened).toEqual([]);
  expect(report.closedAgain).toBe(true);
  expect(report.openAfterwards).not.toContain("feat_unknown");
  expect(report.acknowledgedSpans).toBeGreaterThan(0);
  expect(report.spansCalledLost).toBe(report.acknowledgedSpans);
  expect(report.replicas).toMatch(/^the replica has more than the primary/);
  // They had followed the old primary further than the new one.
  expect(report.copiedAnew).toEqual(["replica-1", "replica-2", "replica-3"]);
  expect(report.alerts.join("\n")).toMatch(
    /the database lacks changes.*closed here again: feat_lost; unknown here, and removed from the edges: feat_unknown/,
  );
  expect(report.audit).toMatchObject({ ok: false, fault: "lost" });
});
