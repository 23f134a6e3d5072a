// The snapshot cache of one isolate when its replica answers, hangs, throws, or knows less: each dependency broken in turn.
import { describe, expect, test, vi } from "vitest";
import { makeSnapshotCache, type SnapshotView } from "../../edge/snapshot/cache.ts";
import type { KvCopy } from "../../edge/snapshot/kv-copy.ts";
import type { Answered, Watch, WatchAnswer } from "../../edge/snapshot/rpc.ts";
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

const encoded = (featureId: string, fields: Record<string, unknown> = {}) =>
  encodeFeature(FeatureState.parse(feature(featureId, fields)));

const snapshotAt = (revision: number, ...featureIds: string[]): VersionedSnapshot =>
  applyDelta(emptySnapshot, {
    revision: Revision.parse(revision),
    full: true,
    features: featureIds.map((id) => encoded(id)),
    removed: [],
  });

const answerFrom = (snapshot: VersionedSnapshot, { have }: Watch, ageMs: number | null = 0): WatchAnswer => ({
  revision: snapshot.revision,
  change: deltaSince(snapshot, have),
  ageMs,
});

const setUp = (options: {
  watchReplica: (watch: Watch) => Promise<Answered>;
  readKvCopy?: () => Promise<KvCopy | null>;
}) => {
  let skippedMs = 0;
  const now = (): number => Date.now() + skippedMs;
  const watchReplica = vi.fn(options.watchReplica);
  const cache = makeSnapshotCache({
    watchMs: 200,
    maxStaleMs: 400,
    watchReplica,
    readKvCopy: options.readKvCopy ?? (async () => null),
    now,
    watcher: "isolate",
  });
  const background: Promise<unknown>[] = [];
  return {
    read: async (): Promise<SnapshotView> => cache.read((promise) => background.push(promise)),
    skip: (ms: number) => {
      skippedMs += ms;
    },
    watchReplica,
    cache,
  };
};

const heldBack = async (snapshot: VersionedSnapshot, watch: Watch): Promise<WatchAnswer> => {
  if (watch.waitMs > 0) await new Promise((resolve) => setTimeout(resolve, watch.waitMs));
  return answerFrom(snapshot, watch);
};

describe.concurrent("an isolate", () => {
  test("begins with the snapshot of its replica and then answers from memory", async () => {
    const { read } = setUp({ watchReplica: (watch) => heldBack(snapshotAt(7, "feat_a"), watch) });
    expect(await read()).toMatchObject({ source: "replica", stale: false, snapshot: { revision: 7 } });
    expect(await read()).toMatchObject({ source: "memory", stale: false, snapshot: { revision: 7 } });
  });

  test("asks the replica once for a thousand requests that find the snapshot stale together", async () => {
    const { read, skip, watchReplica } = setUp({
      watchReplica: (watch) => heldBack(snapshotAt(7, "feat_a"), watch),
    });
    await read();
    const asked = (): number => watchReplica.mock.calls.filter(([{ waitMs }]) => waitMs === 0).length;
    const before = asked();
    skip(1_000);
    await Promise.all(Array.from({ length: 1_000 }, read));
    expect(asked() - before).toBe(1);
  });

  test("calls the replica about once a heartbeat when nothing changes", async () => {
    const { read, cache } = setUp({ watchReplica: (watch) => heldBack(snapshotAt(7, "feat_a"), watch) });
    await read();
    const before = cache.stats().stateCalls;
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await read();
    }
    expect(cache.stats().stateCalls - before).toBeGreaterThanOrEqual(1);
    expect(cache.stats().stateCalls - before).toBeLessThanOrEqual(6);
  });

  test("takes a newer snapshot from its open watch, without a request that asks", async () => {
    let snapshot = snapshotAt(7, "feat_a");
    const { read } = setUp({
      watchReplica: async (watch) => {
        await new Promise((resolve) => setTimeout(resolve, Math.min(watch.waitMs, 50)));
        return answerFrom(snapshot, watch);
      },
    });
    await read();
    snapshot = snapshotAt(8, "feat_a", "feat_b");
    await vi.waitUntil(async () => (await read()).snapshot.revision === 8, 5_000);
  });

  test("compiles a changed feature again and keeps what it compiled of the others", async () => {
    let snapshot = snapshotAt(7, "feat_a", "feat_b", "feat_c");
    const { read } = setUp({
      watchReplica: async (watch) => {
        await new Promise((resolve) => setTimeout(resolve, Math.min(watch.waitMs, 50)));
        return structuredClone(answerFrom(snapshot, watch));
      },
    });
    const [a, b] = (await read()).snapshot.features;
    snapshot = applyDelta(snapshot, {
      revision: Revision.parse(8),
      full: false,
      features: [encoded("feat_b", { enabled: false })],
      removed: [FeatureId.parse("feat_c")],
    });
    await vi.waitUntil(async () => (await read()).snapshot.revision === 8, 5_000);
    const { snapshot: after } = await read();
    expect(after.features.map(({ featureId }) => featureId)).toEqual(["feat_a", "feat_b"]);
    expect(after.features[0]).toBe(a);
    expect(after.features[1]).not.toBe(b);
    expect(after.features[1]?.state.enabled).toBe(false);
  });

  test("never goes back to an older revision", async () => {
    let snapshot = snapshotAt(7, "feat_a");
    const { read, skip } = setUp({ watchReplica: async (watch) => heldBack(snapshot, watch) });
    await read();
    await new Promise((resolve) => setTimeout(resolve, 20)); // it has acknowledged revision 7
    snapshot = snapshotAt(3, "feat_old");
    skip(1_000);
    expect(await read()).toMatchObject({ snapshot: { revision: 7 }, stale: true });
  });

  test.each([
    ["hangs", () => never],
    ["throws", async () => Promise.reject(new Error("overloaded"))],
    ["has no answer from the hub", async (watch: Watch) => answerFrom(snapshotAt(7, "feat_a"), watch, null)],
    ["has an old answer", async (watch: Watch) => answerFrom(snapshotAt(7, "feat_a"), watch, 60_000)],
  ])("keeps its last snapshot and calls it stale while the replica %s, and recovers", async (_, broken) => {
    let breaks = false;
    const { read, skip } = setUp({
      watchReplica: (watch) => (breaks ? broken(watch) : heldBack(snapshotAt(7, "feat_a"), watch)),
    });
    await read();
    breaks = true;
    skip(1_000);
    const began = Date.now();
    expect(await read()).toMatchObject({ snapshot: { revision: 7 }, source: "memory", stale: true });
    expect((await read()).ageMs).toBeGreaterThan(400);
    expect(Date.now() - began).toBeLessThan(3_000); // one time-out of the ask
    breaks = false;
    await vi.waitUntil(async () => !(await read()).stale, 15_000);
  });

  test("begins from the KV copy when no replica answers, and says so", async () => {
    const { read } = setUp({
      watchReplica: () => never,
      readKvCopy: async () => ({ snapshot: snapshotAt(5, "feat_a"), writtenAtMs: Date.now() - 60_000 }),
    });
    const view = await read();
    expect(view).toMatchObject({ source: "kv", stale: true, snapshot: { revision: 5 } });
    expect(view.ageMs).toBeGreaterThanOrEqual(60_000);
  });

  test.each([
    ["throws", async () => Promise.reject(new Error("KV is down"))],
    ["hangs", () => never],
    ["is empty", async () => null],
  ])("begins with the built-in default when no replica answers and KV %s", async (_, readKvCopy) => {
    const { read } = setUp({ watchReplica: () => never, readKvCopy });
    expect(await read()).toMatchObject({ source: "default", snapshot: { revision: 0, features: [] } });
  });

  test("takes the replica's newer snapshot over the KV copy", async () => {
    let breaks = true;
    const { read } = setUp({
      watchReplica: (watch) => (breaks ? never : heldBack(snapshotAt(9, "feat_b"), watch)),
      readKvCopy: async () => ({ snapshot: snapshotAt(5, "feat_a"), writtenAtMs: Date.now() }),
    });
    expect((await read()).snapshot.revision).toBe(5);
    breaks = false;
    await vi.waitUntil(async () => (await read()).snapshot.revision === 9, 15_000);
    expect([...(await read()).snapshot.byId.keys()]).toEqual(["feat_b"]);
  });

  test("opens a new watch when the open one hangs or its request was cancelled", async () => {
    let hangs = false;
    const { read, skip, watchReplica } = setUp({
      watchReplica: (watch) => (hangs && watch.waitMs > 0 ? never : heldBack(snapshotAt(7, "feat_a"), watch)),
    });
    await read();
    hangs = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const watches = (): number => watchReplica.mock.calls.filter(([{ waitMs }]) => waitMs > 0).length;
    const before = watches();
    hangs = false;
    skip(5_000);
    await read();
    expect(watches()).toBeGreaterThan(before);
  });

  test("reads one stream for 20 s, hands it on to the next request, and leaves it after 27 s without one", async () => {
    const streams: { left: boolean }[] = [];
    const snapshot = snapshotAt(7, "feat_a");
    const { read, skip, cache } = setUp({
      watchReplica: async (watch) => {
        if (watch.beatMs === undefined) return answerFrom(snapshot, watch);
        const stream = { left: false };
        streams.push(stream);
        let beat: ReturnType<typeof setInterval>;
        return new ReadableStream({
          start: (controller) => {
            const say = (): void =>
              controller.enqueue(
                new TextEncoder().encode(`${JSON.stringify(answerFrom(snapshot, watch))}\n`),
              );
            say();
            beat = setInterval(say, 20);
          },
          cancel: () => {
            clearInterval(beat);
            stream.left = true;
          },
        });
      },
    });
    await read();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(cache.stats().stateCalls).toBe(2); // the stream, and the acknowledgement of its first answer
    // Beats confirm the snapshot after each jump of the clock.
    const jump = async (ms: number): Promise<void> => {
      skip(ms);
      await new Promise((resolve) => setTimeout(resolve, 100));
    };
    await jump(19_500);
    await read();
    expect(streams).toEqual([{ left: false }]);
    await jump(1_000);
    expect(await read()).toMatchObject({ source: "memory", stale: false });
    await jump(0);
    expect(streams).toEqual([{ left: true }, { left: false }]);
    expect(cache.stats().stateCalls).toBe(3);
    await jump(27_500);
    expect(streams).toEqual([{ left: true }, { left: true }]);
    expect(cache.stats().stateCalls).toBe(3);
  });
});
