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
  disputedFeatures,
  emptySnapshot,
  featuresOf,
  FIRST_REVISION,
  heldFeatures,
  isForeign,
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

describe("a feature that the origin says is closed", () => {
  const closed = { ...feature("a"), enabled: false };

  test("stays closed against a close of the same epoch that comes later", () => {
    const next = applied(atSeven, { ...change(8, 7, closed), closed: [id("a")] });
    expect(next.entries.get(id("a"))).toEqual({ revision: 8, state: closed, closedEpoch: 1 });
    const closes = [{ featureId: id("a"), epoch: 1, version: 2 }];
    expect(applyCloses(next, closes, { revision: revision(9), nowMs: 1_000, isForeign: false })).toBe(next);
  });
});

describe("of two copies the newer one", () => {
  const at = (value: number | null, closedAtMs?: number) => ({
    revision: value === null ? null : revision(value),
    ...(closedAtMs === undefined ? {} : { closedAtMs }),
  });
  const rising = [at(null), at(null, 1), at(null, 2), at(0), at(0, 1), at(1), at(7), at(7, 1), at(8)];

  test.each(rising.map((version, place) => ({ version, place })))(
    "is that of the later revision, and within it that of the later close: $version",
    ({ version, place }) => {
      expect(rising.map((other) => isNewer(version, other))).toEqual(rising.map((_, other) => other < place));
    },
  );
});

describe("a close that comes before the rest of its revision", () => {
  const closeOf = (name: string, epoch = 1) => ({ featureId: id(name), epoch, version: 5 });
  const closedAt = (snapshot: VersionedSnapshot, at: number, ...closes: ReturnType<typeof closeOf>[]) =>
    applyCloses(snapshot, closes, { revision: revision(at), nowMs: 1_000, isForeign: false });
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

  const stateOf = (snapshot: VersionedSnapshot, name: string) => snapshot.entries.get(id(name));
  const feature10 = { ...feature("a", 10), rolloutBps: 2_000, epoch: 3 };
  const inEpoch3 = applied(emptySnapshot, full(7, feature10));

  test("closes the feature for everyone in its epoch, whose entry says by which revision", () => {
    const marks = { closedAhead: 9, closedAtMs: 1_000 };
    const closed = { ...feature10, enabled: false, rolloutBps: 0 };
    const after = (epoch: number, version: number) =>
      stateOf(closedAt(inEpoch3, 9, { ...closeOf("a", epoch), version }), "a");
    expect(after(3, 5)).toEqual({ revision: 7, state: closed, closedEpoch: 3, ...marks });
    expect(after(4, 11)).toEqual({
      revision: 7,
      state: { ...closed, epoch: 4, version: 11 },
      closedEpoch: 4,
      ...marks,
    });
    expect(stateOf(closedAt(inEpoch3, 9, closeOf("unknown", 3)), "unknown")).toEqual({
      revision: FIRST_REVISION,
      state: null,
      closedEpoch: 3,
      ...marks,
    });
  });

  test("does not touch a later epoch, and a late message of a later epoch opens the feature", () => {
    expect(closedAt(inEpoch3, 9, closeOf("a", 2))).toBe(inEpoch3);
    const closed = closedAt(inEpoch3, 9, closeOf("a", 3));
    const late = (epoch: number) => applied(closed, change(8, 7, { ...feature10, epoch }));
    expect(stateOf(late(4), "a")).toEqual({ revision: 8, state: { ...feature10, epoch: 4 } });
    expect(stateOf(late(3), "a")).toEqual({
      revision: 8,
      state: { ...feature10, enabled: false, rolloutBps: 0 },
      closedEpoch: 3,
      closedAhead: 9,
    });
  });

  test("outlasts late messages that close earlier epochs", () => {
    const closed = closedAt(inEpoch3, 10, closeOf("a", 4));
    const stillClosed = { ...feature10, enabled: false };
    const late = applied(closed, { ...change(8, 7, stillClosed), closed: [id("a")] });
    expect(stateOf(late, "a")).toEqual({ revision: 8, state: stillClosed, closedEpoch: 4, closedAhead: 10 });
    expect(openOf(applied(late, change(9, 8, { ...feature10, epoch: 4 })))).toEqual([]);
    const own = applied(closed, { ...change(10, 7, stillClosed), closed: [id("a")] });
    expect(stateOf(own, "a")).toEqual({ revision: 10, state: stillClosed, closedEpoch: 3 });
  });

  test("outlives the removal of its feature, whichever of the two knew the later epoch", () => {
    const removal: Push = { ...change(9, undefined), removed: [id("a")] };
    const closed = closedAt(inEpoch3, 10, closeOf("a", 5));
    const late = applied(closed, change(8, 7, feature10));
    expect(stateOf(applied(late, removal), "a")).toEqual({ revision: 9, state: null, closedEpoch: 5 });
    const unknown = closedAt(emptySnapshot, 10, closeOf("a", 5));
    expect(stateOf(applied(unknown, removal), "a")).toEqual({ revision: 9, state: null, closedEpoch: 5 });
    expect(stateOf(applied(emptySnapshot, removal), "a")).toStrictEqual({ revision: 9, state: null });
  });

  test("rises above the closes before it, whatever the clock says", () => {
    const twice = (nowMs: number) => {
      const first = applyCloses(atSeven, [closeOf("a")], { revision: revision(9), nowMs, isForeign: false });
      return applyCloses(first, [closeOf("b")], { revision: revision(9), nowMs: 0, isForeign: false });
    };
    expect(twice(0).closedAtMs).toBe(2);
    expect(twice(1_000).closedAtMs).toBe(1_001);
    expect(stateOf(twice(1_000), "a")?.closedAtMs).toBe(1_000);
    expect(deltaSince(twice(1_000), revision(7), 1_000)?.features).toMatchObject([{ featureId: "b" }]);
  });

  test("is still told after a push that came with none, and with what a newer close brought", () => {
    const closed = closedAt(atSeven, 9, closeOf("a"));
    expect(applied(closed, change(8, 7, feature("c"))).closedAtMs).toBe(1_000);
    const next = applyDelta(atSeven, { ...change(8, 7), removed: [id("a")], closedAtMs: 1_000 });
    expect(stateOf(next, "a")).toEqual({ revision: 8, state: null, closedEpoch: 1, closedAtMs: 1_000 });
  });

  test("of revision 0 closes at a place without any snapshot, too", () => {
    expect(stateOf(closedAt(emptySnapshot, 0, closeOf("a")), "a")).toMatchObject({ closedEpoch: 1 });
  });

  test("at a place without any snapshot closes what then comes", () => {
    const marked = closedAt(emptySnapshot, 9, closeOf("a"));
    expect(deltaSince(marked, null, 0)).toBe(null);
    expect(openOf(applied(marked, full(8, feature("a"), feature("b"))))).toEqual(["b"]);
    expect(openOf(applied(marked, full(9, feature("a"), feature("b"))))).toEqual(["a", "b"]);
  });
});

describe("histories", () => {
  const inEpoch = (name: string, epoch: number, enabled = true): EncodedFeature =>
    encodeFeature(FeatureState.parse({ featureId: name, enabled, rolloutBps: 0, version: 1, epoch }));
  const [h7, h8, h9] = ["7".repeat(64), "8".repeat(64), "9".repeat(64)];
  const of = (push: Push, lineage: string, head: string, rest: Partial<Push> = {}): Push => ({
    ...push,
    lineage,
    head,
    closed: push.features.flatMap(({ featureId, enabled }) => (enabled ? [] : [featureId])),
    ...rest,
  });
  const openOf = (snapshot: VersionedSnapshot): string[] =>
    featuresOf(snapshot).flatMap(({ featureId, enabled }) => (enabled ? [featureId] : []));
  /** `a` is open and `b` is closed, both in epoch 2. */
  const ofA = applied(emptySnapshot, of(full(7, inEpoch("a", 2), inEpoch("b", 2, false)), "A", h7));
  const replaces = { lineage: "A", revision: revision(7), head: h7 };
  const other = { ok: false, error: { reason: "other", have: 7 } };

  test("an equal revision of another head confirms nothing, and of the same head it does", () => {
    expect(applyPush(ofA, of(full(7), "A", h8))).toEqual(other);
    expect(applyPush(ofA, of(full(7), "B", h8))).toEqual(other);
    expect(applyPush(ofA, of(full(7), "A", h7))).toEqual({ ok: true, value: ofA });
    expect(applied(ofA, of(full(7), "B", h7)).history).toEqual({ lineage: "B", head: h7 });
  });

  test("another lineage continues this one from its very head, and from nowhere else", () => {
    const next = (sinceHead: string, since = 7) =>
      applyPush(ofA, of(change(8, since, inEpoch("a", 3)), "B", h8, { sinceHead }));
    expect(next(h7).ok).toBe(true);
    expect(next(h9)).toEqual(other);
    expect(next(h7, 6)).toEqual(other);
    expect(applyPush(ofA, of(change(8, 7), "A", h8, { sinceHead: h9 }))).toEqual(other);
  });

  test("another history takes over only by naming exactly the state that it replaces", () => {
    const over = (rest: Partial<Push>) => applyPush(ofA, of(full(9, inEpoch("a", 2)), "B", h9, rest));
    expect(over({})).toEqual(other);
    expect(over({ replaces: { ...replaces, head: h8 } })).toEqual(other);
    expect(over({ replaces: { ...replaces, revision: revision(6) } })).toEqual(other);
    expect(over({ replaces: { ...replaces, lineage: "C" } })).toEqual(other);
    expect(over({ replaces, full: false })).toEqual(other);
    expect(over({ replaces, revision: revision(7) })).toEqual(other);
    expect(over({ replaces }).ok).toBe(true);
  });

  test("a history that takes over opens nothing that is closed here in its epoch, and hears of it", () => {
    const push = of(full(9, inEpoch("a", 2), inEpoch("b", 2)), "B", h9, { replaces });
    const after = applied(ofA, push);
    expect(openOf(after)).toEqual(["a"]);
    expect(disputedFeatures(after)).toEqual([{ featureId: "b", closed: true, epoch: 2 }]);
    const edited = applied(after, of(change(10, 9, inEpoch("b", 2)), "B", h8, { sinceHead: h9 }));
    expect(openOf(edited)).toEqual(["a"]);
    const agreed = applied(after, of(change(10, 9, inEpoch("b", 2, false)), "B", h8, { sinceHead: h9 }));
    expect(disputedFeatures(agreed)).toEqual([]);
    expect(openOf(applied(agreed, of(change(11, 10, inEpoch("b", 3)), "B", h7, { sinceHead: h8 })))).toEqual(
      ["b", "a"].toSorted(),
    );
  });

  test("a removed feature counts as closed for another history", () => {
    const removed = applied(ofA, { ...of(change(8, 7), "A", h8, { sinceHead: h7 }), removed: [id("a")] });
    expect(heldFeatures(removed)).toContainEqual({ featureId: "a", closed: true, epoch: 2 });
    const push = of(full(9, inEpoch("a", 2)), "B", h9, {
      replaces: { lineage: "A", revision: revision(8), head: h8 },
    });
    expect(openOf(applied(removed, push))).toEqual([]);
  });

  test("a close of another history holds, of whatever revision, until this one knows of it", () => {
    const closes = [{ featureId: id("a"), epoch: 2, version: 9 }];
    const closed = applyCloses(ofA, closes, { revision: revision(3), nowMs: 1, isForeign: true });
    expect(openOf(closed)).toEqual([]);
    expect(disputedFeatures(closed)).toEqual([{ featureId: "a", closed: true, epoch: 2 }]);
    const later = applied(closed, of(change(8, 7, inEpoch("a", 2)), "A", h8, { sinceHead: h7 }));
    expect(openOf(later)).toEqual([]);
    const known = applied(later, of(change(9, 8, inEpoch("a", 2, false)), "A", h9, { sinceHead: h8 }));
    expect(disputedFeatures(known)).toEqual([]);
  });

  test("a close that came ahead in one history is not undone by a revision of another", () => {
    const closes = [{ featureId: id("a"), epoch: 2, version: 9 }];
    const closed = applyCloses(ofA, closes, { revision: revision(8), nowMs: 1, isForeign: false });
    // Both continue from the very head; B has other changes under the same numbers.
    const continued = applied(closed, of(change(8, 7, inEpoch("a", 2)), "B", h8, { sinceHead: h7 }));
    expect(openOf(continued)).toEqual([]);
    const renamed = applied(closed, of(full(7), "B", h7));
    expect(renamed.history?.lineage).toBe("B");
    const later = applied(renamed, of(change(9, 7, inEpoch("a", 2)), "B", h9, { sinceHead: h7 }));
    expect(openOf(later)).toEqual([]);
    expect(disputedFeatures(later)).toEqual([{ featureId: "a", closed: true, epoch: 2 }]);
  });

  test("is kept where an origin names both its lineage and its head, and is no part of a state otherwise", () => {
    expect(ofA.history).toEqual({ lineage: "A", head: h7 });
    for (const named of [{}, { lineage: "A" }, { head: h7 }])
      expect(applied(emptySnapshot, { ...full(7), ...named })).not.toHaveProperty("history");
  });

  test("is all that changes with an equal revision of another lineage", () => {
    expect(applied(ofA, of(full(7), "B", h7))).toEqual({ ...ofA, history: { lineage: "B", head: h7 } });
    for (const same of [of(full(7), "A", h7), full(7)]) expect(applied(ofA, same)).toBe(ofA);
  });

  test("is foreign when both are named and differ", () => {
    const pushOf = (lineage: string) => of(full(8), lineage, h8);
    expect(isForeign(ofA, pushOf("B"))).toBe(true);
    expect(isForeign(ofA, pushOf("A"))).toBe(false);
    expect(isForeign(ofA, full(8))).toBe(false);
    expect(isForeign(atSeven, pushOf("B"))).toBe(false);
    expect(isForeign(atSeven, full(8))).toBe(false);
  });

  test("continues where one side names none, or a part", () => {
    const next = change(8, 7, inEpoch("a", 3));
    for (const named of [{ head: h8 }, { lineage: "B" }, { head: h8, sinceHead: h9 }])
      expect(applied(ofA, { ...next, ...named }).revision).toBe(8);
    expect(applied(atSeven, of(full(9), "B", h9, { replaces })).revision).toBe(9);
    expect(applied(atSeven, of(full(7), "B", h9)).history).toEqual({ lineage: "B", head: h9 });
  });

  test("continues within a lineage without the head that a change builds on, and with any of a full message", () => {
    expect(applied(ofA, of(change(8, 7), "A", h8)).revision).toBe(8);
    expect(applied(ofA, of({ ...full(8), since: revision(7) }, "A", h8, { sinceHead: h9 })).revision).toBe(8);
  });

  test("that takes over leaves open what was never closed, in its first epoch too", () => {
    const first = applied(emptySnapshot, of(full(7, inEpoch("a", 1)), "A", h7));
    expect(openOf(applied(first, of(full(9, inEpoch("a", 1)), "B", h9, { replaces })))).toEqual(["a"]);
  });

  test("keeps a foreign close in its entry until the origin closes the same epoch", () => {
    const closeIn = (epoch: number) =>
      applyCloses(ofA, [{ featureId: id("a"), epoch, version: 1 }], {
        revision: revision(3),
        nowMs: 1,
        isForeign: true,
      });
    const after = (epoch: number, state: EncodedFeature) =>
      applied(closeIn(epoch), of(change(8, 7, state), "A", h8, { sinceHead: h7 })).entries.get(id("a"));
    const closed = inEpoch("a", 2, false);
    const disputed = { revision: 8, state: closed, closedEpoch: 5, disputed: true };
    expect(after(5, closed)).toEqual(disputed);
    expect(after(5, inEpoch("a", 2))).toEqual(disputed);
    expect(after(2, closed)).toEqual({ revision: 8, state: closed, closedEpoch: 2 });
  });

  test("is told of every feature, whether it is closed, and its latest epoch", () => {
    const closes = [
      { featureId: id("a"), epoch: 3, version: 1 },
      { featureId: id("new"), epoch: 4, version: 1 },
    ];
    const removed = applied(ofA, { ...change(8, 7, inEpoch("c", 1)), removed: [id("b"), id("unknown")] });
    const held = (snapshot: VersionedSnapshot) =>
      heldFeatures(snapshot).map(({ featureId, closed, epoch }) => [featureId, closed, epoch]);
    expect(held(removed)).toEqual([
      ["a", false, 2],
      ["b", true, 2],
      ["c", false, 1],
    ]);
    const closed = applyCloses(removed, closes, { revision: revision(9), nowMs: 1, isForeign: false });
    expect(held(closed)).toEqual([
      ["a", true, 3],
      ["b", true, 2],
      ["c", false, 1],
      ["new", true, 4],
    ]);
  });

  test("an origin that names no history goes by revisions, as before", () => {
    expect(applied(ofA, change(8, 7, inEpoch("b", 2))).revision).toBe(8);
    expect(applyPush(ofA, full(6))).toEqual({ ok: false, error: { reason: "stale", have: 7 } });
  });

  test("whatever two histories push, a feature opens only in a later epoch than it was closed in", () => {
    const step = fc.record({
      lineage: fc.constantFrom("A", "B"),
      epoch: fc.integer({ min: 1, max: 3 }),
      enabled: fc.boolean(),
      kind: fc.constantFrom("takeover", "close"),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        let snapshot = ofA;
        for (const [at, { lineage, epoch, enabled, kind }] of steps.entries()) {
          const before = snapshot;
          if (kind === "close") {
            const closes = [{ featureId: id("a"), epoch, version: 1 }];
            snapshot = applyCloses(snapshot, closes, { revision: revision(100), nowMs: at, isForeign: true });
          } else {
            const { history } = snapshot;
            if (history === undefined || snapshot.revision === null) throw new Error("no history");
            snapshot = applied(
              snapshot,
              of(full(8 + at, inEpoch("a", epoch, enabled)), `${lineage}${at}`, h9, {
                replaces: { ...history, revision: snapshot.revision },
              }),
            );
          }
          const [was, is] = [before, snapshot].map(({ entries }) => entries.get(id("a")));
          if (was?.state?.enabled === false && is?.state?.enabled === true)
            expect(is.state.epoch).toBeGreaterThan(was.closedEpoch ?? 0);
        }
      }),
    );
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
    expect(deltaSince(later, null)).toStrictEqual(everything);
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
