// The number of partitions is fixed by the first process, and nobody counts or appends by another.
import { expect, onTestFinished, test } from "vitest";
import { takePartitions } from "../../../origin/aggregate/partition-ownership.ts";
import { fixPartitions, readPartitionCount } from "../../../origin/span-log/fix-partitions.ts";
import { ensureLogPartitions } from "../../../origin/span-log/partitions.ts";
import {
  countByPartition,
  documentsOf,
  PARTITION_COUNTS,
  partitionOf,
  partitionsOf,
} from "../../../shared/telemetry/partition-numbers.ts";
import { makeTestDatabase } from "../../support/database.ts";

const newDatabase = async () => {
  const database = await makeTestDatabase();
  onTestFinished(database.drop);
  await ensureLogPartitions(database.servicePool, 1);
  return database;
};
const append =
  "insert into span_log (writer, partition, seq, records, span_keys, block) values (1, $1, $2, 1, '', '')";

test("processes that start at once agree on the number, and one with another number is refused", async () => {
  const { servicePool: pool } = await newDatabase();
  expect(await Promise.all([16, 16, 16].map((wanted) => fixPartitions(pool, wanted)))).toEqual([16, 16, 16]);
  expect(await readPartitionCount(pool)).toBe(16);
  expect(await fixPartitions(pool, undefined)).toBe(16);
  await expect(fixPartitions(pool, 4)).rejects.toThrow(
    "SPAN_LOG_PARTITIONS is 4, and the span log has 16 partitions since the installation was first started. Unset it or set it to 16",
  );
});

test("an installation that has telemetry, or was started with the default, keeps its four partitions", async () => {
  const { servicePool: pool } = await newDatabase();
  await pool.query(append, [0, 1]);
  await expect(fixPartitions(pool, 8)).rejects.toThrow("this installation has counted with 4 partitions");
  expect(await fixPartitions(pool, undefined)).toBe(4);
  expect(await readPartitionCount(pool)).toBe(4);
  await expect(fixPartitions(pool, 8)).rejects.toThrow("the span log has 4 partitions since");
});

test("where there are more than four, an origin that knows only four can neither append nor fold, and reads why", async () => {
  const { servicePool: pool } = await newDatabase();
  await fixPartitions(pool, 8);
  await expect(pool.query(append, [3, 1])).rejects.toThrow("log_has_8_partitions_update_this_origin");
  await pool.query(append, [8, 2]);
  const older = "update fold_partitions set fence = fence + 1 where partition = $1";
  await expect(pool.query(older, [8])).rejects.toThrow(
    "an origin of an older version cannot fold here, update it",
  );
  const client = await pool.connect();
  onTestFinished(() => client.release(true));
  expect(await takePartitions(client, new Map(), 8)).toEqual(partitionsOf(8));
});

test("a partition's number tells how many there are, and no two kinds of rows have the same number", () => {
  for (const count of PARTITION_COUNTS) {
    const numbers = partitionsOf(count);
    expect(new Set(numbers.flatMap((partition) => [partition, documentsOf(partition)])).size).toBe(2 * count);
    expect(numbers.map(countByPartition)).toEqual(numbers.map(() => count));
    for (const low of [0, 1, 0xdeadbeef, 0xffffffff, -1]) expect(numbers).toContain(partitionOf(low, count));
  }
  expect(partitionsOf(4)).toEqual([0, 1, 2, 3]);
});
