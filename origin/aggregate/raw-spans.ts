// The sample of spans that is kept whole, on its way to otel_spans.
import { copyInto } from "../db/copy.ts";
import { CopyBuffer } from "../db/copy-format.ts";
import { LOCK_NOT_AVAILABLE, NO_PARTITION, sqlState, UNIQUE_VIOLATION } from "../db/errors.ts";
import type { Client } from "../db/pool.ts";
import {
  ACTIVATION,
  FAILED,
  SPAN_ID_BYTES,
  TIMED,
  TRACE_ID_BYTES,
  type StoredRecord,
} from "../span-log/record.ts";
import { COHORT_NAMES, cohortIndex } from "./outcome-counts.ts";

const COLUMNS =
  '"timestamp", trace_id, span_id, feature_id, epoch, user_id, cohort, name, duration_ms, failed, http_status, action_taken';

export const makeRawSpans = () => {
  const copy = new CopyBuffer();
  return {
    add: (
      record: Readonly<StoredRecord>,
      block: Buffer,
      feature: { featureId: string; epoch: number },
      cohort: number,
    ): void => {
      const spanAt = record.rawAt + TRACE_ID_BYTES;
      const statusAt = spanAt + SPAN_ID_BYTES;
      const nameAt = statusAt + 3;
      const status = block.readUInt16LE(statusAt);
      // A name may have been cut inside a character, and PostgreSQL refuses NUL.
      const name = block.toString("utf8", nameAt, nameAt + block.readUInt8(nameAt - 1)).replaceAll("\0", "");
      copy.row(12);
      copy.timestamp(record.startMs);
      copy.bytes(block, record.rawAt, spanAt);
      copy.bytes(block, spanAt, statusAt);
      copy.text(feature.featureId);
      copy.int4(feature.epoch);
      copy.bytes(block, record.unitStart, record.unitEnd);
      copy.text(COHORT_NAMES[cohortIndex(cohort)]);
      copy.text(name);
      if ((record.flags & TIMED) === 0) copy.null();
      else copy.float8(record.durationUs / 1_000);
      copy.boolean((record.flags & FAILED) !== 0);
      if (status === 0) copy.null();
      else copy.int2(status);
      copy.boolean((record.flags & ACTIVATION) !== 0);
    },
    count: (): number => copy.rows,
    /** The spans added since `clear`, as COPY takes them. */
    data: (): Buffer => copy.finish(),
    clear: (): void => copy.clear(),
  };
};
export type RawSpans = ReturnType<typeof makeRawSpans>;

const insertRawSpans = async (client: Client, data: Buffer): Promise<void> => {
  try {
    await copyInto(client, `otel_spans (${COLUMNS})`, data);
  } catch (error) {
    const state = sqlState(error);
    if (state !== UNIQUE_VIOLATION && state !== NO_PARTITION) throw error;
    await client.query("rollback to savepoint raw_spans_at_once");
    await client.query(
      "create temporary table if not exists raw_spans_staging (like otel_spans) on commit delete rows",
    );
    await copyInto(client, `raw_spans_staging (${COLUMNS})`, data);
    await client.query(
      `insert into otel_spans (${COLUMNS})
       select ${COLUMNS} from raw_spans_staging s
       where exists (
         select from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'otel_spans'::regclass and not i.inhdetachpending
           and c.relname = 'otel_spans_' || to_char(s."timestamp" at time zone 'UTC', 'YYYYMM'))
       on conflict do nothing`,
    );
  }
};

/** How long the counts of a batch wait for its sample, when somebody has locked otel_spans: an index build, for one. */
const LOCK_WAIT_MS = 100;

/**
 * Stores a batch's sample as the last thing in its transaction, for which locks are not waited for from here on; returns how many spans had to be left out because a lock on otel_spans was
 * in the way. COPY refuses a batch for one row; then the rows go through a staging table, leaving out those that are there
 * already or too old for any partition. The sample never holds up the counts.
 */
export const storeRawSpans = async (client: Client, raw: RawSpans): Promise<number> => {
  const spans = raw.count();
  if (spans === 0) return 0;
  const data = raw.data();
  let left = 0;
  await client.query(
    `savepoint raw_spans; set local lock_timeout = ${LOCK_WAIT_MS}; savepoint raw_spans_at_once`,
  );
  try {
    await insertRawSpans(client, data);
  } catch (error) {
    if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
    await client.query("rollback to savepoint raw_spans");
    left = spans;
  }
  await client.query("release savepoint raw_spans");
  raw.clear();
  return left;
};
