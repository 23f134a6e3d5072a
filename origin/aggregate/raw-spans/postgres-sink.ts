// The sample of spans in PostgreSQL: otel_spans.
import { copyInto } from "../../db/copy.ts";
import { CopyBuffer } from "../../db/copy-format.ts";
import { NO_PARTITION, sqlState, UNIQUE_VIOLATION } from "../../db/errors.ts";
import type { Client } from "../../db/pool.ts";
import { ACTIVATION, FAILED, SPAN_ID_BYTES, TIMED, TRACE_ID_BYTES } from "../../span-log/record.ts";
import { COHORT_NAMES, cohortIndex } from "../outcome-counts.ts";
import { withoutWaiting, type RawSpanSink } from "./raw-span-sink.ts";

const COLUMNS =
  '"timestamp", trace_id, span_id, feature_id, epoch, user_id, cohort, name, duration_ms, failed, http_status, action_taken';

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

/**
 * COPY refuses a batch for one row; then the rows go through a staging table, leaving out those that are there already or too
 * old for any partition.
 */
export const makePostgresSink = (): RawSpanSink => {
  const copy = new CopyBuffer();
  return {
    add: (record, block, feature, cohort) => {
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
    store: async (client) => {
      const spans = copy.rows;
      if (spans === 0) return 0;
      const data = copy.finish();
      const isStored = await withoutWaiting(client, () => insertRawSpans(client, data), "raw_spans_at_once");
      copy.clear();
      return isStored ? 0 : spans;
    },
  };
};
