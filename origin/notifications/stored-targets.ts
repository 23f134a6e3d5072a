// The rows of the targets, as the admin API reads and changes them.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import type { StoredSecrets } from "../runtime/stored-secrets.ts";
import { readChannel, storedChannel, type ReadChannel } from "./stored-channel.ts";
import { QUEUED } from "./upkeep.ts";
import type { Channel, Choice } from "./target.ts";

const Row = z.object({
  name: z.string(),
  version: z.number(),
  config: z.unknown(),
  events: z.array(z.string()).nullable(),
  features: z.array(z.string()).nullable(),
  tags: z.array(z.string()).nullable(),
  enabled: z.boolean(),
  fromEnvironment: z.boolean(),
  createdAt: z.date(),
  createdBy: z.string(),
  updatedAt: z.date(),
  updatedBy: z.string(),
  queued: z.number(),
  dropped: z.number(),
  attempts: z.number(),
  nextAttemptAt: z.date(),
  failingSince: z.date().nullable(),
  lastError: z.string().nullable(),
  lastSuccessAt: z.date().nullable(),
});
export type StoredTarget = Omit<z.infer<typeof Row>, "config"> & ReadChannel;

const toTarget = (secrets: StoredSecrets, row: unknown): StoredTarget => {
  const { config, ...rest } = Row.parse(row);
  return { ...rest, ...readChannel(secrets, rest.name, config) };
};

const columns = `t.name, t.version, t.config, t.events, t.features, t.tags, t.enabled, t.from_environment as "fromEnvironment",
  t.created_at as "createdAt", t.created_by as "createdBy", t.updated_at as "updatedAt", t.updated_by as "updatedBy",
  ${QUEUED} as queued, t.dropped, t.attempts, t.next_attempt_at as "nextAttemptAt", t.failing_since as "failingSince",
  t.last_error as "lastError", t.last_success_at as "lastSuccessAt"`;

export const listTargets = async (db: Queryable, secrets: StoredSecrets): Promise<StoredTarget[]> => {
  const { rows } = await db.query(`select ${columns} from notification_targets t order by name`);
  return rows.map((row) => toTarget(secrets, row));
};

export const getTarget = async (
  db: Queryable,
  secrets: StoredSecrets,
  name: string,
): Promise<StoredTarget | null> => {
  const { rows } = await db.query(`select ${columns} from notification_targets t where name = $1`, [name]);
  return rows[0] === undefined ? null : toTarget(secrets, rows[0]);
};

export type TargetFields = Choice & { readonly channel: Channel; readonly enabled: boolean };

/** It is told what is announced from now on. "exists": the name is taken; "tooMany": there are `most` already. */
export const insertTarget = async (
  db: Queryable,
  secrets: StoredSecrets,
  target: TargetFields & { readonly name: string; readonly actor: string },
  most: number,
): Promise<"made" | "exists" | "tooMany"> => {
  const { name, channel, events, features, tags, enabled, actor } = target;
  const { type, config } = storedChannel(secrets, name, channel);
  const { rows } = await db.query<{ made: number; targets: number }>(
    `with present as (select count(*) as targets from notification_targets),
     made as (
       insert into notification_targets (name, type, config, events, features, tags, enabled, created_by, updated_by, told_to)
       select $1, $2, $3::jsonb, $4, $5, $6, $7, $8, $8, (select coalesce(max(id), 0) from announcements)
       from present where targets < $9
       on conflict do nothing returning 1
     )
     select (select count(*) from made) as made, targets from present`,
    [name, type, config, events, features, tags, enabled, actor, most],
  );
  if (rows[0]?.made === 1) return "made";
  return (rows[0]?.targets ?? 0) >= most ? "tooMany" : "exists";
};

/** A new address is tried at once. A send under way goes to its end and marks nothing. */
const AGAIN = `lease = null, leased_until = null, telling_to = null, attempts = 0, next_attempt_at = clock_timestamp()`;

/** false: it is not there, or at another version. */
export const updateTarget = async (
  db: Queryable,
  secrets: StoredSecrets,
  target: TargetFields & { readonly name: string; readonly version: number; readonly actor: string },
): Promise<boolean> => {
  const { name, version, channel, events, features, tags, enabled, actor } = target;
  const { type, config } = storedChannel(secrets, name, channel);
  const { rowCount } = await db.query(
    `update notification_targets set version = version + 1, type = $9, config = $3::jsonb, events = $4, features = $5, tags = $6,
       enabled = $7, updated_at = now(), updated_by = $8, failing_since = null, last_error = null, ${AGAIN}
     where name = $1 and version = $2 and not from_environment`,
    [name, version, config, events, features, tags, enabled, actor, type],
  );
  return rowCount === 1;
};

export const deleteTarget = async (
  db: Queryable,
  { name, version, actor }: { name: string; version: number; actor: string },
): Promise<boolean> => {
  // The audit's trigger takes the actor from this setting, which ends with the statement's transaction.
  const { rowCount } = await db.query(
    `delete from notification_targets
     where name = $1 and version = $2 and not from_environment and set_config('sluice.actor', $3, true) is not null`,
    [name, version, actor],
  );
  return rowCount === 1;
};

/** The news of since then is told once more. Resolves to how much is waiting now. */
export const tellAgain = async (db: Queryable, name: string, since: Date): Promise<number> => {
  await db.query(
    `update notification_targets
     set told_to = least(told_to, (select coalesce(max(id), 0) from announcements where announced_at < $2)),
       replayed_at = clock_timestamp(), ${AGAIN}
     where name = $1`,
    [name, since],
  );
  const { rows } = await db.query<{ queued: number }>(
    `select ${QUEUED} as queued from notification_targets t where name = $1`,
    [name],
  );
  return rows[0]?.queued ?? 0;
};
