// The table alert_hooks.
import type { Queryable } from "../db/pool.ts";
import { toHook, type Hook, type HookName, type HookSettings } from "./hook.ts";

const columns = `name, source, authentication, mode, feature_id as "featureId", tag, feature_label as "featureLabel",
  tag_label as "tagLabel", allowed_features as "allowedFeatures", allowed_tags as "allowedTags", version,
  created_at as "createdAt", created_by as "createdBy", updated_at as "updatedAt", updated_by as "updatedBy",
  refused_at as "refusedAt", refusal`;

/** So many are enough for every alerting system and team; each delivery finds its hook by name. */
export const MAX_HOOKS = 200;

export const listHooks = async (db: Queryable): Promise<Hook[]> => {
  const { rows } = await db.query(`select ${columns} from alert_hooks order by name`);
  return rows.map(toHook);
};

export const findHook = async (db: Queryable, name: HookName): Promise<Hook | null> => {
  const { rows } = await db.query(`select ${columns} from alert_hooks where name = $1`, [name]);
  return rows[0] === undefined ? null : toHook(rows[0]);
};

/** `stored`: the present secret and, for a while, the one before, as the row has them. */
export type HookWithSecrets = { readonly hook: Hook; readonly stored: readonly Buffer[] };

export const findHookWithSecrets = async (db: Queryable, name: HookName): Promise<HookWithSecrets | null> => {
  const { rows } = await db.query<{ stored: Buffer[] }>(
    `select ${columns}, array_remove(array[secret, case when old_secret_until > now() then old_secret end], null) as stored
     from alert_hooks where name = $1`,
    [name],
  );
  return rows[0] === undefined ? null : { hook: toHook(rows[0]), stored: rows[0].stored };
};

const valuesOf = (settings: HookSettings) => [
  settings.source,
  settings.authentication,
  settings.mode,
  settings.featureId,
  settings.tag,
  settings.featureLabel,
  settings.tagLabel,
  settings.allowedFeatures,
  settings.allowedTags,
];

/** "exists": another hook has the name. "tooMany": there are `MAX_HOOKS`. */
export const insertHook = async (
  db: Queryable,
  { name, secret, actor, ...settings }: HookSettings & { name: HookName; secret: Buffer; actor: string },
): Promise<Hook | "exists" | "tooMany"> => {
  const { rows } = await db.query(
    `insert into alert_hooks (source, authentication, mode, feature_id, tag, feature_label, tag_label, allowed_features,
       allowed_tags, name, secret, created_by, updated_by)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12
     where (select count(*) from alert_hooks) < $13
     on conflict (name) do nothing
     returning ${columns}`,
    [...valuesOf(settings), name, secret, actor, MAX_HOOKS],
  );
  if (rows[0] !== undefined) return toHook(rows[0]);
  return (await findHook(db, name)) === null ? "tooMany" : "exists";
};

/** null: it is not at this version any more. */
export const updateHook = async (
  db: Queryable,
  hook: HookSettings & { name: HookName; version: number; actor: string },
): Promise<Hook | null> => {
  const { rows } = await db.query(
    `update alert_hooks set source = $1, authentication = $2, mode = $3, feature_id = $4, tag = $5, feature_label = $6,
       tag_label = $7, allowed_features = $8, allowed_tags = $9, version = version + 1, updated_at = now(), updated_by = $12
     where name = $10 and version = $11
     returning ${columns}`,
    [...valuesOf(hook), hook.name, hook.version, hook.actor],
  );
  return rows[0] === undefined ? null : toHook(rows[0]);
};

/** The one before stays good for `keepSeconds`. null: the hook is not at this version any more. */
export const replaceSecret = async (
  db: Queryable,
  given: { name: HookName; version: number; secret: Buffer; keepSeconds: number; actor: string },
): Promise<Hook | null> => {
  const { rows } = await db.query(
    `update alert_hooks set old_secret = secret, old_secret_until = now() + make_interval(secs => $4), secret = $3,
       version = version + 1, updated_at = now(), updated_by = $5
     where name = $1 and version = $2
     returning ${columns}`,
    [given.name, given.version, given.secret, given.keepSeconds, given.actor],
  );
  return rows[0] === undefined ? null : toHook(rows[0]);
};

/** false: it is not at this version any more. Its deliveries go with it. */
export const deleteHook = async (
  db: Queryable,
  { name, version, actor }: { name: HookName; version: number; actor: string },
): Promise<boolean> => {
  // The audit's trigger takes the actor from this setting, which ends with the statement's transaction.
  const { rowCount } = await db.query(
    `delete from alert_hooks
     where name = $1 and version = $2 and set_config('sluice.actor', $3, true) is not null`,
    [name, version, actor],
  );
  return rowCount === 1;
};

/** Once in ten seconds is enough to see why a sender gets nowhere. false: it was noted a moment ago. */
export const noteRefusal = async (db: Queryable, name: HookName, refusal: string): Promise<boolean> => {
  const { rowCount } = await db.query(
    `update alert_hooks set refused_at = now(), refusal = $2
     where name = $1 and (refused_at is null or refused_at < now() - interval '10 seconds')`,
    [name, refusal],
  );
  return rowCount === 1;
};
