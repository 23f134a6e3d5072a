// The items of one body: relevant ones stay, the others are only counted.
import { describe, expect, test } from "vitest";
import { SpanBatch } from "../../../origin/ingest/span-batch.ts";
import { EMPTY_VIEW } from "../../../origin/span-log/bytes.ts";

const makeBatch = () => new SpanBatch(({ startMs }) => startMs % 2 === 0);

/** Adds an item; whether it stays. */
const add = (batch: SpanBatch, startMs: number): boolean => {
  const fields = batch.next(EMPTY_VIEW);
  fields.startMs = startMs;
  return batch.add(fields);
};
const startsOf = (batch: SpanBatch) => batch.items.slice(0, batch.count).map(({ startMs }) => startMs);

describe("a batch", () => {
  test("keeps relevant items in their order and counts the others", () => {
    const batch = makeBatch();
    expect([4, 1, 2, 3].map((startMs) => add(batch, startMs))).toEqual([true, false, true, false]);
    expect(startsOf(batch)).toEqual([4, 2]);
    expect(batch.irrelevant).toBe(2);
  });

  test("gives blank fields for each item, also where an irrelevant one was before", () => {
    const batch = makeBatch();
    const first = batch.next(EMPTY_VIEW);
    first.activated = true;
    first.startMs = 1;
    batch.add(first);
    expect(batch.next(EMPTY_VIEW)).toMatchObject({ activated: false, startMs: 0 });
  });

  test("is empty after it was cleared, and uses the same objects again", () => {
    const batch = makeBatch();
    add(batch, 2);
    add(batch, 3);
    const [before] = batch.items;
    batch.clear();
    expect([batch.count, batch.irrelevant]).toEqual([0, 0]);
    add(batch, 6);
    expect(batch.items[0]).toBe(before);
    expect(startsOf(batch)).toEqual([6]);
  });

  test("keeps the resources that say where they are, a thousand of a body at most", () => {
    const batch = makeBatch();
    batch.addResource({ region: "", droppedSpans: 1 });
    expect(batch.resources).toEqual([]);
    const resources = Array.from({ length: 1_001 }, (_, i) => ({ region: `region-${i}`, droppedSpans: i }));
    for (const resource of resources) batch.addResource(resource);
    expect(batch.resources).toEqual(resources.slice(0, 1_000));
    batch.clear();
    expect(batch.resources).toEqual([]);
  });

  test("lets go of its objects after a body of more than 4,096 items", () => {
    const objectsAfter = (items: number): number => {
      const batch = makeBatch();
      for (let i = 0; i < items; i++) add(batch, 2);
      batch.clear();
      return batch.items.length;
    };
    expect(objectsAfter(4_096)).toBe(4_096);
    expect(objectsAfter(4_097)).toBe(0);
  });
});
