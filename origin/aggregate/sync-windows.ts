// The stored windows of features, and how they follow the rules. When the windows of a feature's current epoch change, its
// counts are made again from the units, in the transaction that changes the windows.
import { isRefusal } from "../db/errors.ts";
import { inClientTransaction, inTransaction, type Client, type Pool, type Queryable } from "../db/pool.ts";
import { BOT, HOLDOUT } from "../span-log/cohort-code.ts";
import { COHORT_NAMES } from "./outcome-counts.ts";
import {
  sameWindows,
  windowsKey,
  windowsOf,
  type OutcomeWindows,
  type WindowsByKey,
} from "./outcome-windows.ts";

type WindowsRow = {
  feature_id: string;
  epoch: number;
  activation_ages_s: number[];
  retention_ages_s: number[];
  return_after_s: number;
  bucket_s: number;
};

const fromRow = (row: WindowsRow): OutcomeWindows => ({
  activationAgesS: row.activation_ages_s,
  retentionAgesS: row.retention_ages_s,
  returnAfterS: row.return_after_s,
  bucketS: row.bucket_s,
});

export type StoredWindows = {
  /** Another one when any windows have changed, or how the counts are kept. */
  readonly version: number;
  readonly byKey: WindowsByKey;
  /** Whether the database keeps its counts by partition. */
  readonly byPartition: boolean;
};

const readHead = async (db: Queryable): Promise<Pick<StoredWindows, "version" | "byPartition">> => {
  const { rows } = await db.query<{ version: number; byPartition: boolean }>(
    `select v.version, d.by_partition as "byPartition" from fold_windows_version v, aggregate_database d`,
  );
  return rows[0] ?? { version: 0, byPartition: false };
};

export const readWindows = async (client: Queryable): Promise<StoredWindows> => {
  // The version first: windows read afterwards are at least that new, and a newer version is noticed.
  const head = await readHead(client);
  const { rows } = await client.query<WindowsRow>("select * from fold_windows");
  return {
    ...head,
    byKey: new Map(rows.map((row) => [windowsKey(row.feature_id, row.epoch), fromRow(row)])),
  };
};

/**
 * Counts the units of the epoch, those of all partitions together, each by itself, or of one alone, and adds the counts to the
 * table, which has none of them. One pass over the units, 0.1 s a million: rules change too seldom for an index.
 */
export const addCountsOfUnits = async (
  client: Client,
  { featureId, epoch }: FeatureEpoch,
  partitions: "together" | "each" | number,
): Promise<void> => {
  const isTogether = partitions === "together";
  const column = isTogether ? "" : ", partition";
  const ofOne = typeof partitions === "number" ? `and partition = ${partitions}` : "";
  await client.query(
    `insert into ${isTogether ? "outcome_counts" : "outcome_counts_by_partition"}
       (feature_id, epoch, cohort, signal, age_s, bucket_s, units${column})
     select $1, $2, case u.cohort when $3 then $5 else $6 end, o.signal, o.age_s,
       floor(extract(epoch from u.first_exposed_at) / w.bucket_s)::bigint * w.bucket_s, count(*)${column}
     from (
       select ${isTogether ? "" : "min(partition) as partition,"}
         max(cohort) as cohort, min(first_exposed_at) as first_exposed_at,
         min(first_action_at) as first_action_at, min(returned_at) as returned_at
       from unit_evidence ${isTogether ? "" : "join unit_runs using (run)"}
       where feature_id = $1 and epoch = $2 ${ofOne} group by unit_key
       having max(cohort) < $4
     ) u
     join fold_windows w on w.feature_id = $1 and w.epoch = $2
     cross join lateral (
       select 'exposure' as signal, 0 as age_s
       union all
       select 'activation', age from unnest(w.activation_ages_s) age
       where u.first_action_at - u.first_exposed_at <= make_interval(secs => age)
       union all
       select 'retention', age from unnest(w.retention_ages_s) age
       where u.returned_at - u.first_exposed_at <= make_interval(secs => age)
     ) o
     group by 3, 4, 5, 6${column}`,
    [featureId, epoch, HOLDOUT, BOT, COHORT_NAMES[1], COHORT_NAMES[0]],
  );
};

/**
 * Makes the counts of the epoch again from all units that the database has, also of a partition that is just arriving or
 * leaving: the counts of a partition are always those of its units.
 */
const recount = async (
  client: Client,
  { featureId, epoch }: FeatureEpoch,
  byPartition: boolean,
): Promise<void> => {
  const table = byPartition ? "outcome_counts_by_partition" : "outcome_counts";
  await client.query(`delete from ${table} where feature_id = $1 and epoch = $2`, [featureId, epoch]);
  await addCountsOfUnits(client, { featureId, epoch }, byPartition ? "each" : "together");
};

/** A value that changes whenever a rule or an epoch may have. */
export const rulesFingerprint = async (client: Queryable): Promise<string> => {
  const { rows } = await client.query<{ fingerprint: string }>({
    name: "rules-fingerprint",
    text: `select concat_ws(':', count(r.*), sum(r.version), max(r.updated_at), count(*), sum(f.epoch)) as fingerprint
           from feature_flags f left join pmf_rules r using (feature_id)`,
  });
  return rows[0]?.fingerprint ?? "";
};

type FeatureEpoch = { readonly featureId: string; readonly epoch: number };

/** A feature whose windows could not be stored; it is counted by those of before, if it has any. */
export type UnsyncedFeature = { readonly feature: FeatureEpoch; readonly error: unknown };

const storeWindows = async (
  client: Client,
  { featureId, epoch, windows }: FeatureEpoch & { readonly windows: OutcomeWindows },
): Promise<void> => {
  await client.query(
    `insert into fold_windows values ($1, $2, $3, $4, $5, $6)
     on conflict (feature_id, epoch) do update set activation_ages_s = excluded.activation_ages_s,
       retention_ages_s = excluded.retention_ages_s, return_after_s = excluded.return_after_s,
       bucket_s = excluded.bucket_s`,
    [
      featureId,
      epoch,
      windows.activationAgesS,
      windows.retentionAgesS,
      windows.returnAfterS,
      windows.bucketS,
    ],
  );
};

/** Windows of epochs that this database has not counted yet: they have no units here, so there is nothing to count again. */
export const addMissingWindows = async (client: Client, { byKey }: StoredWindows): Promise<void> => {
  const known = await readWindows(client);
  const missing = [...byKey].filter(([key]) => !known.byKey.has(key));
  if (missing.length === 0) return;
  await inClientTransaction(client, async () => {
    await client.query("update fold_windows_version set version = version + 1");
    for (const [key, windows] of missing) {
      const at = key.indexOf(":");
      await client.query("insert into fold_windows values ($1, $2, $3, $4, $5, $6) on conflict do nothing", [
        key.slice(at + 1),
        Number(key.slice(0, at)),
        windows.activationAgesS,
        windows.retentionAgesS,
        windows.returnAfterS,
        windows.bucketS,
      ]);
    }
  });
};

/**
 * Brings the windows in line with the rules: current epochs whose rule has changed are counted again, and `needed`
 * (feature, epoch) pairs get the windows that their feature has now. Folds wait meanwhile. One feature whose windows the
 * database refuses keeps no other from getting its own. `rules`: the main database; `pool`: the one whose windows they are.
 */
export const syncWindows = async (
  { rules, pool }: { readonly rules: Queryable; readonly pool: Pool },
  needed: readonly FeatureEpoch[],
): Promise<UnsyncedFeature[]> => {
  const { rows: features } = await rules.query<{ feature_id: string; epoch: number; rule: unknown }>(
    "select f.feature_id, f.epoch, r.rule from feature_flags f left join pmf_rules r using (feature_id)",
  );
  const before = await readWindows(pool);
  const ruleByFeature = new Map(features.map(({ feature_id: featureId, rule }) => [featureId, rule]));
  const wanted = new Map<string, FeatureEpoch & { windows: OutcomeWindows }>();
  for (const { feature_id: featureId, epoch, rule } of features) {
    const known = before.byKey.get(windowsKey(featureId, epoch));
    const windows = windowsOf(rule);
    if (known !== undefined && !sameWindows(known, windows))
      wanted.set(windowsKey(featureId, epoch), { featureId, epoch, windows });
  }
  for (const { featureId, epoch } of needed) {
    const key = windowsKey(featureId, epoch);
    if (!before.byKey.has(key))
      wanted.set(key, { featureId, epoch, windows: windowsOf(ruleByFeature.get(featureId)) });
  }
  const unsynced: UnsyncedFeature[] = [];
  if (wanted.size === 0) return unsynced;
  await inTransaction(pool, async (client) => {
    // The lock comes first: from here on nobody changes how the counts are kept.
    await client.query("update fold_windows_version set version = version + 1");
    const { byPartition } = await readHead(client);
    for (const feature of wanted.values()) {
      const { featureId, epoch } = feature;
      await client.query("savepoint feature");
      try {
        await storeWindows(client, feature);
        // An epoch without windows has never been folded: it has no units.
        if (before.byKey.has(windowsKey(featureId, epoch))) await recount(client, feature, byPartition);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        await client.query("rollback to savepoint feature");
        unsynced.push({ feature: { featureId, epoch }, error });
      }
      await client.query("release savepoint feature");
    }
  });
  return unsynced;
};
