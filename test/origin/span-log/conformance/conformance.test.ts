// What every log of acknowledged telemetry has to do, on PostgreSQL and on a cluster of three NATS servers.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RecordDraft } from "../../../../origin/span-log/record.ts";
import type { LogRow, SpanLog } from "../../../../origin/span-log/span-log.ts";
import { startNats, type TestNats } from "../../../support/nats.ts";
import { waitFor } from "../../../support/telemetry.ts";
import {
  ALL,
  foldSpans,
  foldUntil,
  keysIn,
  makePositions,
  newSpan,
  newSpans,
  unitOf,
  unitsIn,
  unitsOf,
} from "./fold-of-tests.ts";
import { jetStreamLog, postgresLog, type LogUnderTest } from "./logs-under-test.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startNats({ nodes: 3, maxStore: "16MB" });
});
afterAll(() => nats.stop());

/** As clients do: what was refused, or not answered, is sent again. */
const sendUntilAcknowledged = (log: SpanLog, spans: readonly RecordDraft[]): Promise<boolean> =>
  waitFor(async () => {
    try {
      await log.append(spans);
      return true;
    } catch {
      return false;
    }
  });

describe.each([
  { name: "PostgreSQL", start: postgresLog },
  { name: "JetStream", start: () => jetStreamLog(nats) },
])("the span log in $name", ({ name, start }) => {
  let under: LogUnderTest;
  /** what the tests before this one have left in the log is folded */
  const positions = makePositions();
  beforeAll(async () => {
    under = await start();
  });
  afterAll(() => under.stop());
  /** An append that was refused may be in the log nevertheless. */
  const foldAll = async (): Promise<void> => {
    const reader = await under.newReader();
    await waitFor(async () => {
      positions.fold(await reader.readUnfolded(positions.get()));
      return (await reader.unfoldedSeconds(positions.get())) === 0;
    });
  };

  test("what is acknowledged is read once, in the partition of its unit, by the keys beside it", async () => {
    const { log } = await under.newWriter();
    const spans = newSpans(500);
    await Promise.all([log.append(spans.slice(0, 200)), log.append(spans.slice(200))]);
    const rows = await foldSpans(await under.newReader(), positions, 500);
    expect(unitsIn(rows)).toEqual(unitsOf(spans));
    expect(new Set(rows.map(({ partition }) => partition))).toEqual(new Set(ALL));
    expect(new Set(keysIn(rows)).size).toBe(500);
    await log.stop();
  });

  test("reading goes on from a checkpoint in a process that has just started, and stays where nothing was folded", async () => {
    const { log } = await under.newWriter();
    const sent: RecordDraft[] = [];
    for (let n = 0; n < 6; n++) {
      const spans = newSpans(40);
      await log.append(spans);
      sent.push(...spans);
    }
    const one = await under.newReader();
    const readAll = (reader = one) =>
      waitFor(async () => {
        const rows = await reader.readUnfolded(positions.get());
        return unitsIn(rows).length === 240 && rows;
      });
    const rows = await readAll();
    expect(unitsIn(await readAll())).toEqual(unitsOf(sent));
    const half: LogRow[] = [];
    for (const partition of ALL) half.push(...rows.filter((row) => row.partition === partition).slice(0, 3));
    positions.fold(half);
    const other = await under.newReader();
    for (const reader of [other, one]) {
      const left = await waitFor(async () => {
        const read = await reader.readUnfolded(positions.get());
        return read.length === rows.length - half.length && read;
      });
      expect(unitsIn([...half, ...left])).toEqual(unitsOf(sent));
      if (reader === one) positions.fold(left);
    }
    await log.stop();
  });

  test("only the partitions that are asked for are read", async () => {
    const { log } = await under.newWriter();
    await log.append(newSpans(200));
    const reader = await under.newReader();
    const rows = await waitFor(async () => {
      const read = await reader.readUnfolded({ ...positions.get(), partitions: [1, 3] });
      return new Set(read.map(({ partition }) => partition)).size === 2 && read;
    });
    expect([...new Set(rows.map(({ partition }) => partition))].toSorted()).toEqual([1, 3]);
    await foldSpans(reader, positions, 200);
    await log.stop();
  });

  test("of several writers at once, one of which ends, every acknowledged span is read once", async () => {
    const reader = await under.newReader();
    const sent: RecordDraft[] = [];
    const write = async (batches: number): Promise<void> => {
      const { log } = await under.newWriter();
      for (let n = 0; n < batches; n++) {
        const spans = newSpans(50);
        await log.append(spans);
        sent.push(...spans);
      }
      await log.stop();
    };
    const [rows] = await Promise.all([
      foldSpans(reader, positions, 50 * (20 + 5 + 15)),
      write(20),
      write(5).then(() => write(15)),
    ]);
    expect(unitsIn(rows)).toEqual(unitsOf(sent));
  });

  test("of appends whose answer was lost, what is sent again is read once more at most, never left out", async () => {
    const { log, cut, mend } = await under.newWriter();
    const reader = await under.newReader();
    const sent: RecordDraft[] = [];
    let refused = 0;
    const over = new AbortController();
    const send = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const spans = newSpans(20);
        for (;;) {
          try {
            await log.append(spans);
            break;
          } catch {
            refused++;
            await new Promise((wake) => setTimeout(wake, 50));
          }
        }
        sent.push(...spans);
      }
    };
    const rows: LogRow[] = [];
    const folding = (async () => {
      rows.push(
        ...(await foldUntil(reader, positions, (read) => {
          const found = new Set(unitsIn(read));
          return (
            over.signal.aborted &&
            sending.every(({ ended }) => ended) &&
            sent.every((span) => found.has(unitOf(span)))
          );
        })),
      );
    })();
    const sending = [0, 1, 2].map(() => {
      const one = { ended: false, done: Promise.resolve() };
      one.done = send().finally(() => (one.ended = true));
      return one;
    });
    for (let n = 0; n < 3; n++) {
      await new Promise((wake) => setTimeout(wake, 150));
      cut();
      await new Promise((wake) => setTimeout(wake, 100));
      await mend();
    }
    over.abort();
    await Promise.all(sending.map(({ done }) => done));
    await folding;
    expect(refused).toBeGreaterThan(0);
    // The keys tell the fold which it has counted.
    expect(new Set(keysIn(rows)).size).toBe(new Set(unitsIn(rows)).size);
    await log.stop();
    await foldAll();
  });

  test("the keys of folded spans end at the checkpoint and begin at their time", async () => {
    const { log } = await under.newWriter();
    const own = makePositions();
    const reader = await under.newReader();
    for (const { partition, writer, seq } of positions.get().checkpoints)
      own.fold([{ partition, writer, seq, atMs: 0, spanKeys: Buffer.alloc(0), block: Buffer.alloc(0) }]);
    await log.append(newSpans(100));
    const folded = await foldSpans(reader, own, 100);
    await log.append(newSpans(100));
    const keys = async (seconds: number, partitions = ALL) => {
      const rows: { spanKeys: Buffer }[] = [];
      const to = { ...own.get(), partitions };
      await (await under.newReader()).readFoldedKeys(to, seconds, ({ spanKeys }) => rows.push({ spanKeys }));
      return keysIn(rows);
    };
    const found = new Set(await keys(600));
    expect(keysIn(folded).every((key) => found.has(key))).toBe(true);
    const unfolded = await foldSpans(reader, own, 100);
    expect(keysIn(unfolded).some((key) => found.has(key))).toBe(false);
    const ofTwo = new Set(await keys(600, [2]));
    expect(keysIn(unfolded.filter(({ partition }) => partition === 2)).every((key) => ofTwo.has(key))).toBe(
      true,
    );
    expect(keysIn(unfolded.filter(({ partition }) => partition === 1)).some((key) => ofTwo.has(key))).toBe(
      false,
    );
    expect(await keys(0)).toEqual([]);
    await foldSpans(await under.newReader(), positions, 200);
    await log.stop();
  });

  test("the lag is the age of the oldest span that is not folded, and nothing when all are", async () => {
    const reader = await under.newReader();
    expect(await reader.unfoldedSeconds(positions.get())).toBe(0);
    const { log } = await under.newWriter();
    await log.append([newSpan()]);
    const sentAt = Date.now();
    await new Promise((wake) => setTimeout(wake, 400));
    const lag = await reader.unfoldedSeconds(positions.get());
    expect(lag).toBeGreaterThan(0.3);
    expect(lag).toBeLessThan((Date.now() - sentAt) / 1_000 + 1);
    const lags = await reader.unfoldedByPartition(positions.get());
    const [row] = await reader.readUnfolded(positions.get());
    expect([...lags.keys()]).toEqual([row?.partition]);
    expect(Math.max(...lags.values())).toBeGreaterThanOrEqual(lag);
    await foldSpans(await under.newReader(), positions, 1);
    expect(await reader.unfoldedSeconds(positions.get())).toBe(0);
    await log.stop();
  });

  test("bytes are pending until they are durable", async () => {
    const { log } = await under.newWriter();
    const durable = log.append(newSpans(100));
    expect(log.pendingBytes()).toBeGreaterThan(100 * 30);
    await durable;
    await log.stop();
    expect(log.pendingBytes()).toBe(0);
    await foldSpans(await under.newReader(), positions, 100);
  });

  test("a full disk refuses telemetry and loses none; with room again it is taken", async () => {
    const { log } = await under.newWriter();
    const before = newSpans(20);
    await log.append(before);
    await under.fill();
    const refused = newSpans(20);
    await expect(log.append(refused)).rejects.toThrow("could not be stored");
    expect(log.pendingBytes()).toBe(0);
    await under.makeRoom();
    await sendUntilAcknowledged(log, refused);
    const rows = await foldSpans(await under.newReader(), positions, 40);
    expect(new Set(unitsIn(rows))).toEqual(new Set(unitsOf([...before, ...refused])));
    await log.stop();
  });

  test("when the leader dies under load, every acknowledged span is read, and appends go on", async () => {
    const { log } = await under.newWriter();
    const reader = await under.newReader();
    const sent: RecordDraft[] = [];
    const over = new AbortController();
    const sending = (async () => {
      while (!over.signal.aborted) {
        const spans = newSpans(30);
        await sendUntilAcknowledged(log, spans);
        sent.push(...spans);
      }
    })();
    await waitFor(async () => sent.length > 0);
    await under.killLeader();
    const after = sent.length;
    await waitFor(async () => sent.length > after + 300);
    over.abort();
    await sending;
    const rows = await foldSpans(reader, positions, sent.length);
    const found = new Set(unitsIn(rows));
    expect(sent.filter((span) => !found.has(unitOf(span)))).toEqual([]);
    await log.stop();
    await foldAll();
  });

  test("where a person has removed blocks before they were folded, those behind them are read", async () => {
    const { log } = await under.newWriter();
    const sent: RecordDraft[][] = [];
    for (let n = 0; n < 6; n++) {
      const spans = newSpans(60);
      await log.append(spans);
      sent.push(spans);
    }
    await under.loseUnfolded(2, 3, positions.get());
    const rows = await foldUntil(await under.newReader(), positions, (read) => {
      const found = new Set(unitsIn(read));
      // Of each append a quarter is in the partition of which half was removed.
      return sent
        .slice(3)
        .flat()
        .every((span) => found.has(unitOf(span)));
    });
    expect(rows.filter(({ partition }) => partition === 2)).toHaveLength(3);
    expect(rows.filter(({ partition }) => partition === 1)).toHaveLength(6);
    await log.stop();
  });

  test("what is folded and old is removed; what is not folded stays, however old", async () => {
    const { log } = await under.newWriter();
    const folded = newSpans(400);
    for (let n = 0; n < 10; n++) await log.append(folded.slice(n * 40, n * 40 + 40));
    await foldSpans(await under.newReader(), positions, 400);
    const unfolded = newSpans(100);
    await log.append(unfolded);
    // Of the first partition nothing is known to be folded.
    const known = {
      ...positions.get(),
      checkpoints: positions.get().checkpoints.filter((c) => c.partition !== 0),
    };
    await under.removeFoldedAfter(7_200, known);
    const fromTheBeginning = makePositions();
    const rows = await foldUntil(await under.newReader(), fromTheBeginning, (read) => {
      const found = new Set(unitsIn(read));
      return unfolded.every((span) => found.has(unitOf(span)));
    });
    if (name === "JetStream") {
      const left = rows.filter(({ partition }) => partition !== 0);
      // The last folded block stays, by which a stream that has lost blocks is known.
      expect(unitsIn(left).length).toBeLessThan(200);
    }
    const later = await foldSpans(await under.newReader(), positions, 100);
    expect(unitsIn(later)).toEqual(unitsOf(unfolded));
    await log.stop();
  });
});
