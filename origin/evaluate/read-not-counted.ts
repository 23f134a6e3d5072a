// The spans of a feature that ingest or the fold took and did not count, by reason: part of the explanation, not of the evidence.
import type { Queryable } from "../db/pool.ts";
import type { AggregatePart } from "./aggregates.ts";
import { eachPart } from "./read-parts.ts";
import type { FeatureId } from "../../shared/ids.ts";

type Row = { readonly reason: string; readonly spans: number };

/** `db`: the main database, where ingest counts, and the fold where counts are not kept by partition. */
export const readNotCounted = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  featureId: FeatureId,
  epoch: number,
): Promise<Record<string, number>> => {
  const [{ rows: ofMain }, ofParts] = await Promise.all([
    db.query<Row>("select reason, spans from uncounted_signals where feature_id = $1 and epoch = $2", [
      featureId,
      epoch,
    ]),
    eachPart(
      parts.filter(({ partitions }) => partitions !== null),
      async (part) => {
        const { rows } = await part.db.query<Row>(
          `select reason, sum(spans)::float8 as spans from uncounted_by_partition
           where feature_id = $1 and epoch = $2 and partition = any($3::smallint[]) group by reason`,
          [featureId, epoch, part.partitions],
        );
        return rows;
      },
    ),
  ]);
  const sums = new Map<string, number>();
  for (const { reason, spans } of [...ofMain, ...ofParts.flat()])
    sums.set(reason, (sums.get(reason) ?? 0) + spans);
  return Object.fromEntries([...sums].toSorted(([a], [b]) => a.localeCompare(b)));
};
