// What one isolate knows when its replica answers, hangs, throws, or knows less: each dependency broken in turn.
import { describe, expect, test, vi } from "vitest";
import { makeMemory, type Seen } from "../../edge/snapshot/cache.ts";
import type { Watch, WatchAnswer } from "../../edge/snapshot/watch.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";
import {
  applyDelta,
  deltaSince,
  emptySnapshot,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";
import { feature } from "./support/edge.ts";

const never = new Promise<never>(() => undefined);

const sealed = (featureId: string, fields: Record<string, unknown> = {}) =>
  encodeFeature(FeatureState.parse(feature(featureId, fields)));

const ledgerAt = (revision: number, ...featureIds: string[]): VersionedSnapshot =>
  applyDelta(emptySnapshot, {
    revision: Revision.parse(revision),
    full: true,
    features: featureIds.map((id) => sealed(id)),
    removed: [],
  });

const answerFrom = (ledger: VersionedSnapshot, { have }: Watch, ageMs: number | null = 0): WatchAnswer => ({
  revision: ledger.revision,
  change: deltaSince(ledger, have),
  ageMs,
});

const setUp = (options: {
  watchReplica: (watch: Watch) => Promise<WatchAnswer>;
  readKept?: () => Promise<{ ledger: VersionedSnapshot; writtenAt: number } | null>;
}) => {
  let skippedMs = 0;
  const now = (): number => Date.now() + skippedMs;
  const watchReplica = vi.fn(options.watchReplica);
  const memory = makeMemory({
    watchMs: 200,
    maxStaleMs: 400,
    watchReplica,
    readKept: options.readKept ?? (async () => null),
    now,
    watcher: "isolate",
  });
  const background: Promise<unknown>[] = [];
  return {
    see: async (): Promise<Seen> => memory.see((promise) => background.push(promise)),
    skip: (ms: number) => {
      skippedMs += ms;
    },
    watchReplica,
    memory,
  };
};

const heldBack = async (ledger: VersionedSnapshot, watch: Watch): Promise<WatchAnswer> => {
  if (watch.waitMs > 0) await new Promise((resolve) => setTimeout(resolve, watch.waitMs));
  return answerFrom(ledger, watch);
};

describe.concurrent("an isolate", () => {
  test("begins with what its replica knows and then answers from memory", async () => {
    const { see } = setUp({ watchReplica: (watch) => heldBack(ledgerAt(7, "feat_a"), watch) });
    expect(await see()).toMatchObject({ source: "replica", stale: false, snapshot: { revision: 7 } });
    expect(await see()).toMatchObject({ source: "memory", stale: false, snapshot: { revision: 7 } });
  });

  test("asks once for a thousand requests that find the state too old together", async () => {
    const { see, skip, watchReplica } = setUp({
      watchReplica: (watch) => heldBack(ledgerAt(7, "feat_a"), watch),
    });
    await see();
    const asked = (): number => watchReplica.mock.calls.filter(([{ waitMs }]) => waitMs === 0).length;
    const before = asked();
    skip(1_000);
    await Promise.all(Array.from({ length: 1_000 }, see));
    expect(asked() - before).toBe(1);
  });

  test("calls about once a heartbeat when nothing changes", async () => {
    const { see, memory } = setUp({ watchReplica: (watch) => heldBack(ledgerAt(7, "feat_a"), watch) });
    await see();
    const before = memory.calls();
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await see();
    }
    expect(memory.calls() - before).toBeGreaterThanOrEqual(1);
    expect(memory.calls() - before).toBeLessThanOrEqual(6);
  });

  test("takes a newer state from its open watch without being asked for it", async () => {
    let ledger = ledgerAt(7, "feat_a");
    const { see } = setUp({
      watchReplica: async (watch) => {
        await new Promise((resolve) => setTimeout(resolve, Math.min(watch.waitMs, 50)));
        return answerFrom(ledger, watch);
      },
    });
    await see();
    ledger = ledgerAt(8, "feat_a", "feat_b");
    await vi.waitUntil(async () => (await see()).snapshot.revision === 8, 5_000);
  });

  test("makes a changed feature anew and keeps what it made of the others", async () => {
    let ledger = ledgerAt(7, "feat_a", "feat_b", "feat_c");
    const { see } = setUp({
      watchReplica: async (watch) => {
        await new Promise((resolve) => setTimeout(resolve, Math.min(watch.waitMs, 50)));
        return structuredClone(answerFrom(ledger, watch));
      },
    });
    const [a, b, c] = (await see()).snapshot.features;
    ledger = applyDelta(ledger, {
      revision: Revision.parse(8),
      full: false,
      features: [sealed("feat_b", { enabled: false })],
      removed: [FeatureId.parse("feat_c")],
    });
    await vi.waitUntil(async () => (await see()).snapshot.revision === 8, 5_000);
    const { snapshot } = await see();
    expect(snapshot.features.map(({ featureId }) => featureId)).toEqual(["feat_a", "feat_b"]);
    expect(snapshot.features[0]).toBe(a);
    expect(snapshot.features[1]).not.toBe(b);
    expect(snapshot.features[1]?.state.enabled).toBe(false);
    expect(snapshot.stickyKeys.has(c?.stickyKey ?? 0)).toBe(false);
    expect(snapshot.stickyKeys.has(a?.stickyKey ?? 0)).toBe(true);
  });

  test("never goes back to an older revision", async () => {
    let ledger = ledgerAt(7, "feat_a");
    const { see, skip } = setUp({ watchReplica: async (watch) => heldBack(ledger, watch) });
    await see();
    ledger = ledgerAt(3, "feat_old");
    skip(1_000);
    expect(await see()).toMatchObject({ snapshot: { revision: 7 }, stale: true });
  });

  test.each([
    ["hangs", () => never],
    ["throws", async () => Promise.reject(new Error("overloaded"))],
    ["has not heard of the hub", async (watch: Watch) => answerFrom(ledgerAt(7, "feat_a"), watch, null)],
    ["has old news", async (watch: Watch) => answerFrom(ledgerAt(7, "feat_a"), watch, 60_000)],
  ])(
    "keeps its last state and says that it is stale while the replica %s, and recovers",
    async (_, broken) => {
      let breaks = false;
      const { see, skip } = setUp({
        watchReplica: (watch) => (breaks ? broken(watch) : heldBack(ledgerAt(7, "feat_a"), watch)),
      });
      await see();
      breaks = true;
      skip(1_000);
      const began = Date.now();
      expect(await see()).toMatchObject({ snapshot: { revision: 7 }, source: "memory", stale: true });
      expect((await see()).ageMs).toBeGreaterThan(400);
      expect(Date.now() - began).toBeLessThan(3_000); // the question's time-out, once
      breaks = false;
      await vi.waitUntil(async () => !(await see()).stale, 15_000);
    },
  );

  test("begins from KV when no replica answers, and says so", async () => {
    const { see } = setUp({
      watchReplica: () => never,
      readKept: async () => ({ ledger: ledgerAt(5, "feat_a"), writtenAt: Date.now() - 60_000 }),
    });
    const seen = await see();
    expect(seen).toMatchObject({ source: "kv", stale: true, snapshot: { revision: 5 } });
    expect(seen.ageMs).toBeGreaterThanOrEqual(60_000);
  });

  test.each([
    ["throws", async () => Promise.reject(new Error("KV is down"))],
    ["hangs", () => never],
    ["is empty", async () => null],
  ])("begins with the built-in default when no replica answers and KV %s", async (_, readKept) => {
    const { see } = setUp({ watchReplica: () => never, readKept });
    expect(await see()).toMatchObject({ source: "default", snapshot: { revision: 0, features: [] } });
  });

  test("takes the replica's newer state over what KV kept", async () => {
    let breaks = true;
    const { see } = setUp({
      watchReplica: (watch) => (breaks ? never : heldBack(ledgerAt(9, "feat_b"), watch)),
      readKept: async () => ({ ledger: ledgerAt(5, "feat_a"), writtenAt: Date.now() }),
    });
    expect((await see()).snapshot.revision).toBe(5);
    breaks = false;
    await vi.waitUntil(async () => (await see()).snapshot.revision === 9, 15_000);
    expect([...(await see()).snapshot.byId.keys()]).toEqual(["feat_b"]);
  });

  test("opens a new watch when the open one hangs or its request was cancelled", async () => {
    let hangs = false;
    const { see, skip, watchReplica } = setUp({
      watchReplica: (watch) => (hangs && watch.waitMs > 0 ? never : heldBack(ledgerAt(7, "feat_a"), watch)),
    });
    await see();
    hangs = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const watches = (): number => watchReplica.mock.calls.filter(([{ waitMs }]) => waitMs > 0).length;
    const before = watches();
    hangs = false;
    skip(5_000);
    await see();
    expect(watches()).toBeGreaterThan(before);
  });
});
