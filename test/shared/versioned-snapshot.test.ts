import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeFeature, type EncodedFeature } from "../../shared/features/encoded-feature.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";
import {
  applyCloses,
  applyDelta,
  applyPush,
  deltaSince,
  emptySnapshot,
  featuresOf,
  FIRST_REVISION,
  isNewer,
  type Push,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";

const revision = (value: number): Revision => Revision.parse(value);
const id = (text: string): FeatureId => FeatureId.parse(text);
const feature = (name: string, version = 1): EncodedFeature =>
  encodeFeature(FeatureState.parse({ featureId: name, enabled: true, rolloutBps: 0, version }));

const full = (at: number, ...features: EncodedFeature[]): Push => ({
  revision: revision(at),
  full: true,
  features,
  removed: [],
});
const change = (at: number, since: number | undefined, ...features: EncodedFeature[]): Push => ({
  revision: revision(at),
  full: false,
  features,
  removed: [],
  since: since === undefined ? undefined : revision(since),
});

const applied = (snapshot: VersionedSnapshot, ...pushes: Push[]): VersionedSnapshot =>
  pushes.reduce((before, push) => {
    const result = applyPush(before, push);
    if (!result.ok) throw new Error(`refused: ${result.error.reason}`);
    return result.value;
  }, snapshot);

const atSeven = applied(emptySnapshot, full(7, feature("a"), feature("b")));

describe("before anything was pushed", () => {
  test("there is no revision, no feature and nothing to pass on", () => {
    expect(emptySnapshot).toEqual({ revision: null, base: FIRST_REVISION, entries: new Map() });
    expect(FIRST_REVISION).toBe(0);
    expect(featuresOf(emptySnapshot)).toEqual([]);
    expect(deltaSince(emptySnapshot, null)).toBe(null);
    expect(deltaSince(emptySnapshot, revision(3))).toBe(null);
  });

  test("the first push may have any revision, even 0", () => {
    expect(applied(emptySnapshot, full(0, feature("a"))).revision).toBe(0);
    expect(applied(emptySnapshot, change(4, undefined, feature("a"))).revision).toBe(4);
    expect(applied(emptySnapshot, change(4, 0, feature("a"))).revision).toBe(4);
  });

  test("a change that builds on a revision that never arrived is a gap", () => {
    expect(applyPush(emptySnapshot, change(4, 1, feature("a")))).toEqual({
      ok: false,
      error: { reason: "gap", have: 0 },
    });
  });
});

describe("a push", () => {
  test("that is older never replaces a newer snapshot", () => {
    expect(applyPush(atSeven, full(6))).toEqual({ ok: false, error: { reason: "stale", have: 7 } });
    expect(applyPush(atSeven, change(6, 2))).toEqual({ ok: false, error: { reason: "stale", have: 7 } });
  });

  test("that is repeated changes nothing and is no failure", () => {
    expect(applyPush(atSeven, full(7))).toEqual({ ok: true, value: atSeven });
    // Not even when it builds on something unknown: it is here already.
    expect(applyPush(atSeven, change(7, 9))).toEqual({ ok: true, value: atSeven });
  });

  test("that builds on what is there, or on something older, is applied", () => {
    for (const since of [7, 3, undefined]) {
      const next = applied(atSeven, change(9, since, feature("c")));
      expect(featuresOf(next).map(({ featureId }) => featureId)).toEqual(["a", "b", "c"]);
      expect(next.revision).toBe(9);
    }
  });

  test("that builds on something newer is a gap, unless it is full", () => {
    expect(applyPush(atSeven, change(9, 8))).toEqual({ ok: false, error: { reason: "gap", have: 7 } });
    expect(applyPush(atSeven, { ...full(9, feature("a")), since: revision(8) }).ok).toBe(true);
  });
});

describe("a delta", () => {
  test("gives each feature that it names its revision, and leaves the others at theirs", () => {
    const next = applied(atSeven, change(8, 7, feature("b", 2), feature("c")));
    expect([...next.entries]).toEqual([
      ["a", { revision: 7, state: feature("a") }],
      ["b", { revision: 8, state: feature("b", 2) }],
      ["c", { revision: 8, state: feature("c") }],
    ]);
    expect(next.base).toBe(7);
  });

  test("that is full removes what it does not name, and marks it at its revision", () => {
    const next = applied(atSeven, full(8, feature("b", 2)));
    expect(featuresOf(next)).toEqual([feature("b", 2)]);
    expect(next.entries.get(id("a"))).toEqual({ revision: 8, state: null, closedEpoch: 1 });
    // What was removed earlier keeps the revision of its removal.
    const later = applied(next, full(9, feature("b", 2)));
    expect(later.entries.get(id("a"))).toEqual({ revision: 8, state: null, closedEpoch: 1 });
  });

  test("that is not full removes what it says, and nothing else", () => {
    const next = applyDelta(atSeven, { ...change(8, 7), removed: [id("a")] });
    expect(featuresOf(next)).toEqual([feature("b")]);
    expect(next.entries.get(id("a"))).toEqual({ revision: 8, state: null, closedEpoch: 1 });
  });

  test("leaves the snapshot before it as it was", () => {
    applied(atSeven, full(8));
    expect(featuresOf(atSeven)).toHaveLength(2);
  });
});

describe("a close that comes before the rest of its revision", () => {
  const closeOf = (name: string, epoch = 1) => ({ featureId: id(name), epoch, version: 5 });
  const closedAt = (snapshot: VersionedSnapshot, at: number, ...closes: ReturnType<typeof closeOf>[]) =>
    applyCloses(snapshot, closes, { revision: revision(at), nowMs: 1_000 });
  const openOf = (snapshot: VersionedSnapshot): string[] =>
    featuresOf(snapshot).flatMap(({ featureId, enabled }) => (enabled ? [featureId] : []));

  test("closes the feature and leaves the revision", () => {
    const closed = closedAt(atSeven, 9, closeOf("a"));
    expect(openOf(closed)).toEqual(["b"]);
    expect(closed.revision).toBe(7);
    expect(isNewer(closed, atSeven)).toBe(true);
  });

  test("changes nothing when it is known, of an older epoch, or of a revision that is here", () => {
    const closed = closedAt(atSeven, 9, closeOf("a"));
    expect(closedAt(closed, 9, closeOf("a"))).toBe(closed);
    expect(closedAt(atSeven, 9, closeOf("a", 0))).toBe(atSeven);
    expect(closedAt(atSeven, 7, closeOf("a"))).toBe(atSeven);
    expect(closedAt(emptySnapshot, 7, closeOf("a")).revision).toBe(null);
  });

  test("holds against late messages, and not against its own revision", () => {
    const closed = closedAt(atSeven, 9, closeOf("a"), closeOf("unknown"));
    const late = applied(closed, change(8, 7, feature("a", 2), feature("unknown")));
    expect(openOf(late)).toEqual(["b"]);
    expect(openOf(applied(late, change(9, 8, feature("a", 3))))).toEqual(["a", "b"]);
  });

  test("reaches the next place within the revision, and once", () => {
    const closed = closedAt(atSeven, 9, closeOf("a"));
    const missed = deltaSince(closed, revision(7), 0);
    if (missed === null) throw new Error("nothing is missed");
    expect(missed).toMatchObject({
      revision: 7,
      full: false,
      features: [{ featureId: "a", enabled: false }],
    });
    const next = applyDelta(atSeven, missed);
    expect(openOf(next)).toEqual(["b"]);
    expect(deltaSince(closed, revision(7), next.closedAtMs)).toBe(null);
    // And the place after that learns it from the next one.
    expect(deltaSince(next, revision(7), 0)).toMatchObject({
      features: [{ featureId: "a", enabled: false }],
    });
    expect(deltaSince(closed, revision(7))).toBe(null);
  });

  test("at a place without any snapshot closes what then comes", () => {
    const marked = closedAt(emptySnapshot, 9, closeOf("a"));
    expect(openOf(applied(marked, full(8, feature("a"), feature("b"))))).toEqual(["b"]);
    expect(openOf(applied(marked, full(9, feature("a"), feature("b"))))).toEqual(["a", "b"]);
  });
});

describe("what a place that has an older revision has missed", () => {
  const later = applied(atSeven, change(8, 7, feature("b", 2)), { ...change(9, 8), removed: [id("a")] });

  test("is nothing when it is up to date or ahead", () => {
    expect(deltaSince(later, revision(9))).toBe(null);
    expect(deltaSince(later, revision(10))).toBe(null);
  });

  test("is what changed since, with what was removed", () => {
    expect(deltaSince(later, revision(8))).toEqual({ ...change(9, 0), since: undefined, removed: ["a"] });
    expect(deltaSince(later, revision(7))).toEqual({
      revision: 9,
      full: false,
      features: [feature("b", 2)],
      removed: ["a"],
    });
  });

  test("is everything for a place that knows nothing, or less than the removals that are remembered", () => {
    const everything = { revision: 9, full: true, features: [feature("b", 2)], removed: [] };
    expect(deltaSince(later, null)).toEqual(everything);
    expect(deltaSince(later, revision(6))).toEqual(everything);
  });

  test("is everything at revision 0, too, for a place that knows nothing", () => {
    const atZero = applied(emptySnapshot, full(0, feature("a")));
    expect(deltaSince(atZero, null)).toEqual(full(0, feature("a")));
    expect(deltaSince(atZero, revision(0))).toBe(null);
  });

  test("brings it to the same features, whatever was pushed", () => {
    const names = fc.subarray(["a", "b", "c", "d"]);
    const push = fc.record({ full: fc.boolean(), features: names, removed: names, version: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(push, { minLength: 1, maxLength: 8 }), fc.nat(8), (pushes, from) => {
        const snapshots = [emptySnapshot];
        for (const [at, each] of pushes.entries())
          snapshots.push(
            applyDelta(snapshots.at(-1) ?? emptySnapshot, {
              revision: revision(at + 1),
              full: each.full,
              features: each.features.map((name) => feature(name, each.version + 1)),
              removed: each.full ? [] : each.removed.filter((name) => !each.features.includes(name)).map(id),
            }),
          );
        const newest = snapshots.at(-1) ?? emptySnapshot;
        const older = snapshots[Math.min(from, pushes.length)] ?? emptySnapshot;
        const missed = deltaSince(newest, older.revision);
        const caughtUp = missed === null ? older : applyDelta(older, missed);
        const sorted = (snapshot: VersionedSnapshot) =>
          featuresOf(snapshot).toSorted((one, other) => (one.featureId < other.featureId ? -1 : 1));
        expect(sorted(caughtUp)).toEqual(sorted(newest));
        expect(caughtUp.revision).toBe(newest.revision);
      }),
    );
  });
});
