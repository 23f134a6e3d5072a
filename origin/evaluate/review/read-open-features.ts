// All open features with what is counted of their newest units: one bounded look at each, whatever its history.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import { countsOf, type AggregatePart } from "../aggregates.ts";
import { eachPart } from "../read-parts.ts";

const Row = z.object({
  featureId: z.string(),
  owner: z.string().nullable(),
  removeAfter: z.string().nullable(),
  epoch: z.number(),
  rolloutBps: z.number(),
  openedAtS: z.number(),
  changedAtS: z.number(),
  hasRule: z.boolean(),
  hasActivation: z.boolean(),
  activationWindowS: z.number().nullable(),
  returnWindowS: z.number().nullable(),
  activationUnits: z.number(),
  activated: z.number(),
  returnUnits: z.number(),
  returned: z.number(),
  /** There are more rows than were looked at. */
  isCut: z.boolean(),
});
export type OpenFeature = z.infer<typeof Row>;

/**
 * The newest outcome counts of a feature that are looked at: an hour of a busy one (buckets of three minutes, nine counts each), days
 * of a quiet one. A review costs as much as it looks at.
 */
const NEWEST_ROWS = 700;
/** Of features that have more rows and too few units in them: so many features, and so many rows of each. */
const SECOND_LOOK = { features: 50, rows: 10_000 };
/** Telemetry may be so late. */
const LATE_S = 300;

/**
 * Units whose window of `age` seconds is over, and how many of them the signal counts by then; null: none. The bucket of the oldest row
 * that is looked at may have further rows and is left out. That row is found in the primary key alone, which also says
 * which few rows are summed: of 1,000 busy features half the pages, and 0.6 of the time, that it takes to read all newest rows.
 */
const newestCounts = (part: AggregatePart, signal: "activation" | "retention", age: string): string => {
  const matured = `o.feature_id = f.feature_id and o.epoch = f.epoch and o.bucket_s <= $1 - w.bucket_s - ${age}`;
  const sumOf = (counted: string): string => `
    (select sum(o.units)::float8 from ${countsOf(part)} o
     where ${matured} and o.bucket_s > coalesce(oldest.bucket_s, -1) and o.cohort = 'treatment' and ${counted})`;
  return `
    select oldest.bucket_s is not null as "isCut", ${sumOf("o.signal = 'exposure'")} as units,
      ${sumOf(`o.signal = '${signal}' and o.age_s = ${age}`)} as engaged
    from (select) one left join lateral (
      select o.bucket_s from ${countsOf(part)} o where ${matured} order by o.bucket_s desc offset $2 - 1 limit 1
    ) oldest on true`;
};

const Counted = Row.pick({
  activationWindowS: true,
  returnWindowS: true,
  activationUnits: true,
  activated: true,
  returnUnits: true,
  returned: true,
  isCut: true,
});
type Counted = z.infer<typeof Counted>;

const readCounted = async (
  part: AggregatePart,
  features: readonly {
    readonly featureId: string;
    readonly epoch: number;
    readonly hasActivation: boolean;
  }[],
  until: number,
  newestRows: number,
): Promise<ReadonlyMap<string, Counted>> => {
  const { rows } = await part.db.query<{ featureId: string }>(
    `select f.feature_id as "featureId", age.activation_s as "activationWindowS", age.return_s as "returnWindowS",
       coalesce(a.units, 0) as "activationUnits", coalesce(a.engaged, 0) as activated,
       coalesce(b.units, 0) as "returnUnits", coalesce(b.engaged, 0) as returned,
       coalesce(a."isCut", false) as "isCut"
     from unnest($3::text[], $4::integer[], $5::boolean[]) as f (feature_id, epoch, has_activation)
     left join fold_windows w on w.feature_id = f.feature_id and w.epoch = f.epoch
     cross join lateral (
       select w.activation_ages_s[cardinality(w.activation_ages_s)] as activation_s,
         w.retention_ages_s[cardinality(w.retention_ages_s)] as return_s
     ) age
     left join lateral (${newestCounts(part, "activation", "age.activation_s")}) a on true
     left join lateral (${newestCounts(part, "retention", "age.return_s")}) b on not f.has_activation and a.engaged is null`,
    [
      Math.floor(until) - LATE_S,
      newestRows,
      features.map(({ featureId }) => featureId),
      features.map(({ epoch }) => epoch),
      features.map(({ hasActivation }) => hasActivation),
    ],
  );
  return new Map(rows.map((row) => [row.featureId, Counted.parse(row)]));
};

/** What all databases have of a feature. */
const addCounted = (ofParts: readonly Counted[]): Counted =>
  ofParts.reduce(
    (sum, one) => ({
      activationWindowS: sum.activationWindowS ?? one.activationWindowS,
      returnWindowS: sum.returnWindowS ?? one.returnWindowS,
      activationUnits: sum.activationUnits + one.activationUnits,
      activated: sum.activated + one.activated,
      returnUnits: sum.returnUnits + one.returnUnits,
      returned: sum.returned + one.returned,
      isCut: sum.isCut || one.isCut,
    }),
    {
      activationWindowS: null,
      returnWindowS: null,
      activationUnits: 0,
      activated: 0,
      returnUnits: 0,
      returned: 0,
      isCut: false,
    },
  );

/** `featureIds` null: all that are open. */
const look = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  until: number,
  { rows: newestRows, featureIds }: { rows: number; featureIds: readonly string[] | null },
): Promise<OpenFeature[]> => {
  const { rows } = await db.query<{ featureId: string; epoch: number; hasActivation: boolean }>(
    `select f.feature_id as "featureId", f.operator_fields ->> 'owner' as owner,
       f.operator_fields ->> 'removeAfter' as "removeAfter", f.epoch, f.rollout_bps as "rolloutBps",
       extract(epoch from f.epoch_started_at)::float8 as "openedAtS",
       extract(epoch from f.updated_at)::float8 as "changedAtS",
       r.feature_id is not null as "hasRule", f.activation is not null as "hasActivation"
     from feature_flags f
     left join pmf_rules r using (feature_id)
     where f.enabled and ($1::text[] is null or f.feature_id = any($1))
     order by f.feature_id`,
    [featureIds],
  );
  const counted = await eachPart(parts, (part) => readCounted(part, rows, until, newestRows));
  return rows.map((row) =>
    Row.parse({ ...row, ...addCounted(counted.flatMap((of) => of.get(row.featureId) ?? [])) }),
  );
};

/** `until`: unix seconds. `minUnits`: with fewer units than these a feature is looked at once more, further back. */
export const readOpenFeatures = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  { until, minUnits }: { readonly until: number; readonly minUnits: number },
): Promise<OpenFeature[]> => {
  const first = await look(db, parts, until, { rows: NEWEST_ROWS, featureIds: null });
  const sparse = first
    .filter(
      ({ isCut, activationUnits, returnUnits }) => isCut && Math.max(activationUnits, returnUnits) < minUnits,
    )
    .slice(0, SECOND_LOOK.features)
    .map(({ featureId }) => featureId);
  if (sparse.length === 0) return first;
  const second = await look(db, parts, until, { rows: SECOND_LOOK.rows, featureIds: sparse });
  const again = new Map(second.map((feature) => [feature.featureId, feature]));
  return first.map((feature) => again.get(feature.featureId) ?? feature);
};
