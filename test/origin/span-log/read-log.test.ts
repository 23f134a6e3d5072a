// Reading the log, on a real PostgreSQL.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureLogPartitions } from "../../../origin/span-log/partitions.ts";
import { makePostgresLogReader } from "../../../origin/span-log/read-log.ts";
import type { Checkpoint, SpanLogReader } from "../../../origin/span-log/span-log.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";

let database: TestDatabase;
let reader: SpanLogReader;
const checkpoints: Checkpoint[] = [];
beforeAll(async () => {
  database = await makeTestDatabase();
  const { pool } = database;
  reader = makePostgresLogReader(pool);
  await ensureLogPartitions(pool);
  // Three processes' streams; the youngest is folded up to 200 only.
  for (const [writer, rows, folded] of [
    [1, 700, 700],
    [34, 900, 900],
    [67, 600, 200],
  ] as const) {
    await pool.query(
      `insert into span_log (writer, partition, seq, records, span_keys, block)
       select $1, p, s, 1, int4send($1) || int4send(s), '' from generate_series(1, $2::integer) s, generate_series(0, 3) p`,
      [writer, rows],
    );
    for (const partition of [0, 1, 2, 3]) checkpoints.push({ partition, writer, seq: folded });
  }
});
afterAll(async () => {
  await database.drop();
});

test("the keys of folded spans end exactly at the checkpoints", async () => {
  const found = new Map<number, number[]>();
  await reader.readFoldedKeys({ partitions: [2], checkpoints }, 600, ({ spanKeys: keys }) => {
    const writer = keys.readInt32BE(0);
    found.set(writer, [...(found.get(writer) ?? []), keys.readInt32BE(4)]);
  });
  const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
  expect(found).toEqual(
    new Map([
      [1, upTo(700)],
      [34, upTo(900)],
      [67, upTo(200)],
    ]),
  );
});

test("unfolded rows begin right after the checkpoint, in the order of their stream", async () => {
  const rows = await reader.readUnfolded({ partitions: [1, 3], checkpoints });
  for (const partition of [1, 3]) {
    const stream = rows.filter((row) => row.partition === partition);
    expect(stream.every(({ writer }) => writer === 67)).toBe(true);
    expect(stream.map(({ seq }) => seq)).toEqual(Array.from({ length: stream.length }, (_, i) => 201 + i));
    expect(stream.length).toBeGreaterThan(300);
  }
});
