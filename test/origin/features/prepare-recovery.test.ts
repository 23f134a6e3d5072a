import { describe, expect, test } from "vitest";
import { prepareRecovery, type Witnessed } from "../../../origin/features/prepare-recovery.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { HeldFeature } from "../../../shared/snapshot/push-message.ts";
import { recordOf, relatedOf, rolledBackRecordOf } from "../../support/feature-record.ts";

const edge = "https://shop.example";
const held = (featureId: string, closed: boolean, epoch: number) =>
  HeldFeature.parse({ featureId, closed, epoch });
const recovered = (related: ReturnType<typeof relatedOf>, ...all: Witnessed[]) =>
  recoveredBeside(related, new Map(), ...all);
const recoveredBeside = (
  related: ReturnType<typeof relatedOf>,
  deletedEpochs: ReadonlyMap<FeatureId, number>,
  ...all: Witnessed[]
) => {
  const prepared = prepareRecovery({ related, deletedEpochs }, all, { edge });
  if (!prepared.ok) throw new Error(prepared.error.reason);
  return prepared.value;
};

describe("a feature that the database has open in epoch 2", () => {
  const related = relatedOf(recordOf("a"));

  test.each([2, 3])(
    "is rolled back when an edge holds it closed in epoch %i, and takes that epoch",
    (epoch) => {
      expect(recovered(related, held("a", true, epoch))).toEqual([
        expect.objectContaining({
          featureId: "a",
          kind: "rollback",
          reason: `recovered from edge ${edge}`,
          details: { rolloutBeforeBps: 5_000, recovered: { edge, epoch, closed: true } },
          next: expect.objectContaining({ enabled: false, rolloutBps: 0, latched: true, epoch }),
        }),
      ]);
    },
  );

  test("stays open when the edge's close is of an earlier epoch, or the edge has it open too", () => {
    expect(recovered(related, held("a", true, 1))).toEqual([]);
    expect(recovered(related, held("a", false, 2))).toEqual([]);
    expect(recovered(related, held("a", false, 1))).toEqual([]);
  });

  test("stays open and takes the later epoch in which the edge has it open", () => {
    expect(recovered(related, held("a", false, 4))).toMatchObject([
      { kind: "update", next: { enabled: true, epoch: 4 } },
    ]);
  });

  test("takes an epoch that is a thousand later, and no later one", () => {
    expect(recovered(related, held("a", false, 1_002))).toMatchObject([{ next: { epoch: 1_002 } }]);
    expect(recovered(related, held("a", false, 1_003))).toEqual([]);
  });

  test("is closed, and keeps its epoch, for a number that no edge can have", () => {
    expect(recovered(related, held("a", true, 2 ** 31 - 1))).toMatchObject([
      { kind: "rollback", next: { enabled: false, epoch: 2 } },
    ]);
    expect(recovered(related, held("a", false, 2 ** 31 - 1))).toEqual([]);
  });
});

test("a feature that the database has closed is never opened, whatever an edge has", () => {
  const related = relatedOf(rolledBackRecordOf("a"));
  for (const closed of [true, false])
    for (const epoch of [1, 2, 3])
      for (const change of recovered(related, held("a", closed, epoch)))
        expect(change).toMatchObject({ kind: "update", next: { enabled: false, latched: true, epoch: 3 } });
});

test("features that require a recovered one close with it, once", () => {
  const related = relatedOf(
    recordOf("a"),
    recordOf("b", { requires: ["a"] }),
    recordOf("c", { requires: ["b"] }),
  );
  const changes = recovered(related, held("a", true, 2), held("b", false, 3));
  expect(changes.map(({ featureId, kind }) => [featureId, kind])).toEqual([
    ["a", "rollback"],
    ["b", "rollback"],
    ["c", "rollback"],
  ]);
});

test("a feature that only the lost history had is deleted with its epoch, unless a later deletion is known", () => {
  const gone = FeatureId.parse("gone");
  const deleted = (epoch: number) => [
    expect.objectContaining({ featureId: "gone", kind: "delete", next: null, expectedVersion: null, epoch }),
  ];
  const none = relatedOf();
  expect(recovered(none, held("gone", true, 9))).toEqual(deleted(9));
  expect(recovered(none, held("gone", false, 2))).toEqual(deleted(2));
  expect(recoveredBeside(none, new Map([[gone, 3]]), held("gone", true, 4))).toEqual(deleted(4));
  expect(recoveredBeside(none, new Map([[gone, 4]]), held("gone", true, 4))).toEqual([]);
  expect(recovered(none, { featureId: gone, closed: true, epoch: null })).toEqual(deleted(1));
  // No number of an edge uses the epochs up.
  expect(recovered(none, held("gone", true, 2 ** 31 - 1))).toEqual(deleted(1_000));
});

test("an edge that tells no epochs closes a feature in the epoch that it has, and moves none", () => {
  const older = (closed: boolean): Witnessed => ({ featureId: FeatureId.parse("a"), closed, epoch: null });
  expect(recovered(relatedOf(recordOf("a")), older(true))).toMatchObject([
    { kind: "rollback", next: { enabled: false, epoch: 2 } },
  ]);
  expect(recovered(relatedOf(recordOf("a")), older(false))).toEqual([]);
  expect(recovered(relatedOf(rolledBackRecordOf("a")), older(false))).toEqual([]);
});

describe("what a recovery is written down with", () => {
  const point = { lineage: "7d4c7a0e-2f0b-4b5e-9f0a-3f1f5d0c9a11", revision: 12 };
  const prepare = (related: ReturnType<typeof relatedOf>, ...all: Witnessed[]) => {
    const source = { edge, point } as Parameters<typeof prepareRecovery>[2];
    const prepared = prepareRecovery({ related, deletedEpochs: new Map() }, all, source);
    if (!prepared.ok) throw new Error(prepared.error.reason);
    return prepared.value;
  };

  test("names the edge, what it has, and where its history stands", () => {
    expect(prepare(relatedOf(recordOf("a")), held("a", false, 4))).toMatchObject([
      {
        reason: `recovered from edge ${edge}`,
        details: { recovered: { edge, epoch: 4, closed: false, ...point } },
      },
    ]);
    expect(prepare(relatedOf(), held("gone", true, 1))).toEqual([
      {
        featureId: "gone",
        expectedVersion: null,
        kind: "delete",
        reason: `recovered from edge ${edge}`,
        details: { recovered: { edge, epoch: 1, closed: true, ...point } },
        next: null,
        rule: null,
        epoch: 1,
      },
    ]);
  });

  test("says of a feature that closes with others which they are, and leaves those alone that are closed", () => {
    const related = relatedOf(
      recordOf("a"),
      recordOf("b", { requires: ["a"] }),
      recordOf("c", { requires: ["b"], state: { enabled: false } }),
      recordOf("d", { requires: ["a"] }),
    );
    const changes = prepare(related, held("a", true, 2), held("d", true, 2));
    expect(changes.map(({ featureId, reason, details }) => [featureId, reason, details])).toEqual([
      ["a", `recovered from edge ${edge}`, expect.anything()],
      ["d", `recovered from edge ${edge}`, expect.anything()],
      ["b", `requires a, d: recovered from edge ${edge}`, { rolloutBeforeBps: 5_000, because: ["a", "d"] }],
    ]);
  });
});
