// The rules of the snapshot that an isolate holds: what confirms it, when it is stale, where a view says it is from.
import { expect, test } from "vitest";
import { HeldSnapshot } from "../../edge/snapshot/held-snapshot.ts";
import type { WatchAnswer } from "../../edge/snapshot/rpc.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { Revision } from "../../shared/ids.ts";
import { applyDelta, emptySnapshot } from "../../shared/snapshot/versioned-snapshot.ts";
import { feature } from "./support/edge.ts";

const MAX_STALE_MS = 2_000;
const NOW = 1_000_000;

const deltaAt = (revision: number) => ({
  revision: Revision.parse(revision),
  full: true,
  features: [encodeFeature(FeatureState.parse(feature(`feat_${revision}`)))],
  removed: [],
});

/** A replica's answer that brings everything. */
const answerAt = (revision: number, ageMs: number | null = 0): WatchAnswer => ({
  revision: Revision.parse(revision),
  change: deltaAt(revision),
  ageMs,
});

/** A replica's answer that brings nothing. */
const unchangedAt = (revision: number, ageMs: number | null = 0): WatchAnswer => ({
  ...answerAt(revision, ageMs),
  change: null,
});

const held = (...answers: WatchAnswer[]): HeldSnapshot => {
  const snapshot = new HeldSnapshot(MAX_STALE_MS);
  for (const answer of answers) snapshot.take(answer, NOW);
  return snapshot;
};

test("before the first answer there is no snapshot, and the replica is asked for everything", () => {
  expect(held().isThere).toBe(false);
  expect(held().watchedRevision).toBe(null);
});

test("an answer is taken, fresh for MAX_STALE_MS and then stale", () => {
  const snapshot = held(answerAt(7));
  expect(snapshot.watchedRevision).toBe(7);
  expect([snapshot.isFresh(NOW + 2_000), snapshot.isFresh(NOW + 2_001)]).toEqual([true, false]);
  expect(snapshot.view(NOW + 2_000)).toMatchObject({ source: "memory", ageMs: 2_000, stale: false });
  expect(snapshot.view(NOW + 2_001)).toMatchObject({ source: "memory", ageMs: 2_001, stale: true });
  expect(snapshot.view(NOW, true).source).toBe("replica");
});

test("an answer that the hub confirmed too long ago is stale at once", () => {
  const snapshot = new HeldSnapshot(MAX_STALE_MS);
  expect(snapshot.take(answerAt(7, 2_001), NOW)).toEqual({ isNew: true, isConfirmed: false });
  expect(snapshot.view(NOW)).toMatchObject({ ageMs: 2_001, stale: true });
});

test("an answer that was overtaken does not make the snapshot older", () => {
  const snapshot = held(answerAt(7, 100), unchangedAt(7, 1_500));
  expect(snapshot.view(NOW).ageMs).toBe(100);
});

test("an older revision never replaces a newer one, and confirms nothing", () => {
  const snapshot = held(answerAt(7, 1_000));
  expect(snapshot.take(answerAt(3), NOW)).toEqual({ isNew: false, isConfirmed: false });
  expect(snapshot.revision).toBe(7);
  expect(snapshot.view(NOW).ageMs).toBe(1_000);
});

test("a replica that never heard of the hub confirms nothing, but its newer snapshot is taken", () => {
  const snapshot = new HeldSnapshot(MAX_STALE_MS);
  expect(snapshot.take(answerAt(7, null), NOW)).toEqual({ isNew: true, isConfirmed: false });
  expect(snapshot.view(NOW)).toMatchObject({ stale: true, snapshot: { revision: 7 } });
});

test("an edge that was never pushed to is confirmed empty, and says that it has the default", () => {
  const snapshot = new HeldSnapshot(MAX_STALE_MS);
  const nothing: WatchAnswer = { revision: null, change: null, ageMs: 0 };
  expect(snapshot.take(nothing, NOW)).toEqual({ isNew: true, isConfirmed: true });
  expect(snapshot.view(NOW)).toMatchObject({
    source: "default",
    stale: false,
    snapshot: { revision: 0, features: [] },
  });
});

test("the KV copy is stale however young, and the replica is still asked for everything", () => {
  const snapshot = new HeldSnapshot(MAX_STALE_MS);
  snapshot.begin({ snapshot: applyDelta(emptySnapshot, deltaAt(5)), writtenAtMs: NOW - 10 }, NOW);
  expect(snapshot.view(NOW)).toMatchObject({ source: "kv", ageMs: 10, stale: true });
  expect(snapshot.watchedRevision).toBe(null);
  snapshot.take(answerAt(5), NOW);
  expect(snapshot.view(NOW)).toMatchObject({ source: "memory", stale: false });
});

test("without a KV copy it begins with no feature", () => {
  const snapshot = new HeldSnapshot(MAX_STALE_MS);
  snapshot.begin(null, NOW);
  expect(snapshot.view(NOW)).toMatchObject({ source: "default", stale: true, snapshot: { features: [] } });
});
