// Units by the hour of their first exposure: how many came, were seen again, and were of the network that had most of them. The
// evaluator finds by it whether an hour was as usual.
import type { Client } from "../db/pool.ts";

type FeatureInEpoch = { readonly featureId: string; readonly epoch: number };

type Arrived = { units: number; seenAgain: number; largestNetwork: number };
type HourOfFeature = FeatureInEpoch & Arrived & { readonly hourS: number };

const HOUR_MS = 3_600_000;

/** Unix seconds at which the hour begins. */
export const hourOf = (ms: number): number => Math.floor(ms / HOUR_MS) * 3_600;

const before = (one: HourOfFeature, other: HourOfFeature): number =>
  one.featureId.localeCompare(other.featureId) || one.epoch - other.epoch || one.hourS - other.hourS;

/** In the order of the key: processes that share a row never wait in a circle. `partition`: null where all have one row. */
const addArrivals = async (
  client: Client,
  hours: readonly HourOfFeature[],
  partition: number | null,
): Promise<void> => {
  const sorted = hours.toSorted(before);
  const [table, column, key] =
    partition === null
      ? ["arrivals", "", ""]
      : ["arrivals_by_partition", ", partition", `, ${partition}::smallint`];
  await client.query({
    name: `add-arrivals${partition === null ? "" : `-${partition}`}`,
    text: `
      insert into ${table} as a (feature_id, epoch, hour_s, units, seen_again, largest_network${column})
      select d.*${key}
      from unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) d
      on conflict (feature_id, epoch, hour_s${column}) do update set units = a.units + excluded.units,
        seen_again = a.seen_again + excluded.seen_again,
        largest_network = a.largest_network + excluded.largest_network`,
    values: [
      sorted.map(({ featureId }) => featureId),
      sorted.map(({ epoch }) => epoch),
      sorted.map(({ hourS }) => hourS),
      sorted.map(({ units }) => units),
      sorted.map(({ seenAgain }) => seenAgain),
      sorted.map(({ largestNetwork }) => largestNetwork),
    ],
  });
};

/** Those of one batch. */
export const makeArrivals = () => {
  const byFeature = new Map<FeatureInEpoch, Map<number, HourOfFeature>>();

  return {
    /** Of units that were first exposed at this time. */
    add: (feature: FeatureInEpoch, exposedMs: number, what: keyof Arrived): void => {
      let hours = byFeature.get(feature);
      if (hours === undefined) byFeature.set(feature, (hours = new Map()));
      const hourS = hourOf(exposedMs);
      let hour = hours.get(hourS);
      if (hour === undefined) {
        const { featureId, epoch } = feature;
        hours.set(hourS, (hour = { featureId, epoch, hourS, units: 0, seenAgain: 0, largestNetwork: 0 }));
      }
      hour[what]++;
    },
    /** `partition`: under which this process writes; null: the database keeps nothing by partition. */
    write: async (client: Client, partition: number | null): Promise<void> => {
      const hours = Array.from(byFeature.values(), (some) => Array.from(some.values())).flat();
      byFeature.clear();
      if (hours.length > 0) await addArrivals(client, hours, partition);
    },
  };
};
export type Arrivals = ReturnType<typeof makeArrivals>;
