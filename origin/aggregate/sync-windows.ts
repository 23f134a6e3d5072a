// The stored windows of features, and how they follow the rules. When the windows of a feature's current epoch change, its
// counts are made again from the units, in the transaction that changes the windows.
import { isRefusal } from "../db/errors.ts";
import { inTransaction, type Client, type Pool } from "../db/pool.ts";
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

export type StoredWindows = { readonly version: number; readonly byKey: WindowsByKey };

export const readWindows = async (client: Client | Pool): Promise<StoredWindows> => {
  // The version first: windows read afterwards are at least that new, and a newer version is noticed.
  const { rows: head } = await client.query<{ version: number }>("select version from fold_windows_version");
  const { rows } = await client.query<WindowsRow>("select * from fold_windows");
  return {
    version: head[0]?.version ?? 0,
    byKey: new Map(rows.map((row) => [windowsKey(row.feature_id, row.epoch), fromRow(row)])),
  };
};

const recount = async (client: Client, featureId: string, epoch: number): Promise<void> => {
  await client.query("delete from outcome_counts where feature_id = $1 and epoch = $2", [featureId, epoch]);
  // One pass over all units, 0.1 s a million: rules change too seldom for an index.
  await client.query(
    `insert into outcome_counts (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
     select $1, $2, case u.cohort when $3 then $5 else $6 end, o.signal, o.age_s,
       floor(extract(epoch from u.first_exposed_at) / w.bucket_s)::bigint * w.bucket_s, count(*)
     from (
       select max(cohort) as cohort, min(first_exposed_at) as first_exposed_at,
         min(first_action_at) as first_action_at, min(returned_at) as returned_at
       from unit_evidence where feature_id = $1 and epoch = $2 group by unit_key
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
     group by 3, 4, 5, 6`,
    [featureId, epoch, HOLDOUT, BOT, COHORT_NAMES[1], COHORT_NAMES[0]],
  );
};

/** A value that changes whenever a rule or an epoch may have. */
export const rulesFingerprint = async (client: Client): Promise<string> => {
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

/**
 * Brings the windows in line with the rules: current epochs whose rule has changed are counted again, and `needed`
 * (feature, epoch) pairs get the windows that their feature has now. Folds wait meanwhile. One feature whose windows the
 * database refuses keeps no other from getting its own.
 */
export const syncWindows = async (
  pool: Pool,
  needed: readonly FeatureEpoch[],
): Promise<UnsyncedFeature[]> => {
  const { rows: features } = await pool.query<{ feature_id: string; epoch: number; rule: unknown }>(
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
    await client.query("update fold_windows_version set version = version + 1");
    for (const feature of wanted.values()) {
      const { featureId, epoch } = feature;
      await client.query("savepoint feature");
      try {
        await storeWindows(client, feature);
        // An epoch without windows has never been folded: it has no units.
        if (before.byKey.has(windowsKey(featureId, epoch))) await recount(client, featureId, epoch);
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
