// The table waiting_units: a row for each unit of which spans wait for an exposure.
import { z } from "zod";
import type { Client } from "../../db/pool.ts";
import { partitionOf } from "../../../shared/telemetry/partition-numbers.ts";
import { keyText } from "../units/unit-run.ts";

/** What is kept of a span that waits. */
export type WaitingSpan = {
  readonly startMs: number;
  readonly durationUs: number;
  /** a record's */
  readonly flags: number;
  readonly network: number;
};

export type WaitingUnit = {
  readonly low: number;
  readonly high: number;
  readonly featureId: string;
  readonly epoch: number;
  /** when the log took the last of the spans, ms since 1970 */
  arrivedMs: number;
  spans: readonly WaitingSpan[];
};

/** The stored form of a span: start in ms, duration in µs, flags, network. */
const StoredSpans = z.array(z.tuple([z.number(), z.number(), z.number(), z.number()]));

type Row = { key: string; feature_id: string; epoch: number; arrived_ms: number; spans: unknown };

/** In the order of arrival. */
export const readWaitingUnits = async (
  client: Client,
  partitions: readonly number[],
): Promise<WaitingUnit[]> => {
  const { rows } = await client.query<Row>(
    `select unit_key::text as key, feature_id, epoch, extract(epoch from arrived_at)::float8 * 1000 as arrived_ms, spans
     from waiting_units where partition = any($1::smallint[]) order by arrived_at`,
    [partitions],
  );
  return rows.map(({ key, feature_id: featureId, epoch, arrived_ms: arrivedMs, spans }) => {
    const bits = BigInt.asUintN(64, BigInt(key));
    return {
      low: Number(bits & 0xffffffffn),
      high: Number(bits >> 32n),
      featureId,
      epoch,
      arrivedMs,
      spans: StoredSpans.parse(spans).map(([startMs, durationUs, flags, network]) => ({
        startMs,
        durationUs,
        flags,
        network,
      })),
    };
  });
};

/** Replaces the rows of `written` and deletes those of `gone`. `partitions`: how many there are. */
export const writeWaitingUnits = async (
  client: Client,
  written: readonly WaitingUnit[],
  gone: readonly Pick<WaitingUnit, "low" | "high">[],
  partitions: number,
): Promise<void> => {
  if (gone.length > 0)
    await client.query({
      name: "delete-waiting-units",
      text: "delete from waiting_units where unit_key = any($1::bigint[])",
      values: [gone.map(({ low, high }) => keyText(low, high))],
    });
  if (written.length > 0)
    await client.query({
      name: "write-waiting-units",
      text: `
        insert into waiting_units (unit_key, partition, feature_id, epoch, arrived_at, spans)
        select w.unit_key, w.partition, w.feature_id, w.epoch, to_timestamp(w.arrived_ms / 1000), w.spans
        from unnest($1::bigint[], $2::smallint[], $3::text[], $4::integer[], $5::float8[], $6::jsonb[])
          as w(unit_key, partition, feature_id, epoch, arrived_ms, spans)
        on conflict (unit_key) do update set arrived_at = excluded.arrived_at, spans = excluded.spans`,
      values: [
        written.map(({ low, high }) => keyText(low, high)),
        written.map(({ low }) => partitionOf(low, partitions)),
        written.map(({ featureId }) => featureId),
        written.map(({ epoch }) => epoch),
        written.map(({ arrivedMs }) => arrivedMs),
        written.map(({ spans }) =>
          JSON.stringify(
            spans.map(({ startMs, durationUs, flags, network }) => [startMs, durationUs, flags, network]),
          ),
        ),
      ],
    });
};
