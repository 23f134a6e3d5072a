// The sample of spans on its way to a column store: lines of JSON, packed, in the table raw_span_spool. They are there exactly
// when their counts are stored, and wait there while the column store is away.
import { gzipSync, constants } from "node:zlib";
import type { Client } from "../../db/pool.ts";
import {
  ACTIVATION,
  FAILED,
  SPAN_ID_BYTES,
  TIMED,
  TRACE_ID_BYTES,
  type StoredRecord,
} from "../../span-log/record.ts";
import { COHORT_NAMES, cohortIndex } from "../outcome-counts.ts";
import { withoutWaiting, type RawSpanSink } from "./raw-span-sink.ts";

/** Characters of lines in one row of the spool. */
const ROW_CHARACTERS = 2 * 1024 * 1024;
/** Of one batch no more is kept in memory; what is beyond is left out. */
const BATCH_ROWS = 16;
/** The spool is measured this often, in ms. */
const MEASURE_EVERY_MS = 2_000;

/** A span as the columns of otel_spans in the column store have it. Times are unix time in ms. */
export const lineOf = (
  record: Readonly<StoredRecord>,
  block: Buffer,
  { featureId, epoch }: { featureId: string; epoch: number },
  cohort: number,
): string => {
  const spanAt = record.rawAt + TRACE_ID_BYTES;
  const statusAt = spanAt + SPAN_ID_BYTES;
  const nameAt = statusAt + 3;
  const status = block.readUInt16LE(statusAt);
  return JSON.stringify({
    timestamp: record.startMs,
    trace_id: block.toString("hex", record.rawAt, spanAt),
    span_id: block.toString("hex", spanAt, statusAt),
    feature_id: featureId,
    epoch,
    user_id: block.toString("utf8", record.unitStart, record.unitEnd),
    cohort: COHORT_NAMES[cohortIndex(cohort)],
    name: block.toString("utf8", nameAt, nameAt + block.readUInt8(nameAt - 1)),
    duration_ms: (record.flags & TIMED) === 0 ? null : record.durationUs / 1_000,
    failed: (record.flags & FAILED) !== 0,
    http_status: status === 0 ? null : status,
    action_taken: (record.flags & ACTIVATION) !== 0,
  });
};

type SpoolRow = { readonly spans: number; readonly lines: Buffer };

const insertRows = async (client: Client, rows: readonly SpoolRow[]): Promise<void> => {
  await client.query({
    name: "spool-raw-spans",
    text: "insert into raw_span_spool (spans, lines) select * from unnest($1::integer[], $2::bytea[])",
    values: [rows.map(({ spans }) => spans), rows.map(({ lines }) => lines)],
  });
};

/** What is left out once `maxBytes` wait in the spool. `nowMs`: a monotonic clock. */
export const makeSpoolSink = (maxBytes: number, nowMs: () => number): RawSpanSink => {
  let rows: SpoolRow[] = [];
  let lines: string[] = [];
  let characters = 0;
  let leftOut = 0;
  let waitingBytes = 0;
  let measuredAt = Number.NEGATIVE_INFINITY;

  const pack = (): void => {
    if (lines.length === 0) return;
    const text = `${lines.join("\n")}\n`;
    rows.push({ spans: lines.length, lines: gzipSync(text, { level: constants.Z_BEST_SPEED }) });
    lines = [];
    characters = 0;
  };

  const measure = async (client: Client): Promise<void> => {
    if (nowMs() - measuredAt < MEASURE_EVERY_MS) return;
    const { rows: found } = await client.query<{ bytes: number }>(
      "select coalesce(sum(octet_length(lines)), 0)::double precision as bytes from raw_span_spool",
    );
    waitingBytes = found[0]?.bytes ?? 0;
    measuredAt = nowMs();
  };

  return {
    add: (record, block, feature, cohort) => {
      if (rows.length >= BATCH_ROWS) {
        leftOut += 1;
        return;
      }
      const line = lineOf(record, block, feature, cohort);
      lines.push(line);
      characters += line.length;
      if (characters >= ROW_CHARACTERS) pack();
    },
    store: async (client) => {
      pack();
      let left = leftOut;
      leftOut = 0;
      const packed = rows;
      rows = [];
      if (packed.length === 0) return left;
      const spans = packed.reduce((sum, row) => sum + row.spans, 0);
      const bytes = packed.reduce((sum, row) => sum + row.lines.length, 0);
      let isStored = false;
      const hadNoWait = await withoutWaiting(client, async () => {
        await measure(client);
        if (waitingBytes + bytes > maxBytes) return;
        await insertRows(client, packed);
        waitingBytes += bytes;
        isStored = true;
      });
      if (!hadNoWait || !isStored) left += spans;
      return left;
    },
  };
};
