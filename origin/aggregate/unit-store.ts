// Units in feature_units: reading those that are not in memory, writing those that are new or have changed.
import { CopyBuffer, copyInto } from "../db/copy.ts";
import type { Client } from "../db/pool.ts";
import type { CountedFeature } from "./counts.ts";
import type { Unit } from "./unit.ts";

/** A unit's key as PostgreSQL's signed bigint. */
export const keyText = (low: number, high: number): string =>
  ((BigInt(high | 0) << 32n) | BigInt(low)).toString();

/** pg would look for characters to escape in every one of them. */
const arrayLiteral = (numbers: readonly (string | number)[]): string => `{${numbers.join(",")}}`;

export type StoredUnit = Unit & {
  /** position of its key among those asked for */
  readonly asked: number;
};

export const readUnits = async (client: Client, keys: readonly string[]): Promise<StoredUnit[]> => {
  if (keys.length === 0) return [];
  const { rows } = await client.query<{
    asked: number;
    cohort: number;
    exposedMs: number;
    actedMs: number | null;
    returnedMs: number | null;
  }>({
    name: "read-units",
    text: `
      select k.asked - 1 as asked, u.cohort,
        (extract(epoch from u.first_exposed_at) * 1000)::float8 as "exposedMs",
        (extract(epoch from u.first_action_at) * 1000)::float8 as "actedMs",
        (extract(epoch from u.returned_at) * 1000)::float8 as "returnedMs"
      from unnest($1::bigint[]) with ordinality as k(key, asked)
      join feature_units u on u.unit_key = k.key`,
    values: [arrayLiteral(keys)],
  });
  return rows.map((row) => ({
    asked: row.asked,
    cohort: row.cohort,
    exposedMs: row.exposedMs,
    actedMs: row.actedMs ?? Infinity,
    returnedMs: row.returnedMs ?? Infinity,
  }));
};

/** A unit that this batch has changed, with where its id stands in the batch. */
export type ChangedUnit = {
  readonly slot: number;
  readonly low: number;
  readonly high: number;
  readonly feature: CountedFeature;
  readonly before: Unit;
  readonly block: Buffer;
  readonly unitStart: number;
  readonly unitEnd: number;
};

export const insertUnits = async (
  client: Client,
  units: readonly { changed: ChangedUnit; after: Unit }[],
): Promise<void> => {
  if (units.length === 0) return;
  const copy = new CopyBuffer();
  for (const { changed, after } of units) {
    const { idBytes } = changed.feature;
    copy.row(8);
    copy.int8(changed.low, changed.high);
    copy.bytes(idBytes, 0, idBytes.length);
    copy.int4(changed.feature.epoch);
    copy.bytes(changed.block, changed.unitStart, changed.unitEnd);
    copy.int2(after.cohort);
    copy.timestamp(after.exposedMs);
    copy.timestamp(after.actedMs);
    copy.timestamp(after.returnedMs);
  }
  await copyInto(
    client,
    "feature_units (unit_key, feature_id, epoch, unit_id, cohort, first_exposed_at, first_action_at, returned_at)",
    copy.finish(),
  );
};

const orNull = (ms: number): number | "null" => (Number.isFinite(ms) ? ms : "null");

export const updateUnits = async (
  client: Client,
  units: readonly { changed: ChangedUnit; after: Unit }[],
): Promise<void> => {
  if (units.length === 0) return;
  await client.query({
    name: "update-units",
    text: `
      update feature_units u
      set cohort = n.cohort, first_exposed_at = to_timestamp(n.exposed_ms / 1000),
        first_action_at = to_timestamp(n.acted_ms / 1000), returned_at = to_timestamp(n.returned_ms / 1000)
      from unnest($1::bigint[], $2::smallint[], $3::float8[], $4::float8[], $5::float8[])
        as n(unit_key, cohort, exposed_ms, acted_ms, returned_ms)
      where u.unit_key = n.unit_key`,
    values: [
      arrayLiteral(units.map(({ changed }) => keyText(changed.low, changed.high))),
      arrayLiteral(units.map(({ after }) => after.cohort)),
      arrayLiteral(units.map(({ after }) => after.exposedMs)),
      arrayLiteral(units.map(({ after }) => orNull(after.actedMs))),
      arrayLiteral(units.map(({ after }) => orNull(after.returnedMs))),
    ],
  });
};
