// Targets that have news waiting: claimed by one process at a time, and marked as told or to be tried again. The marks name the
// lease, so a process that was away for longer than its lease changes nothing.
import { z } from "zod";
import type { Pool } from "../db/pool.ts";
import type { Waiting } from "./next-message.ts";
import { AnnouncementDocument } from "./announcement.ts";
import type { StoredSecrets } from "../runtime/stored-secrets.ts";
import { readChannel, storedTypes, type ReadChannel } from "./stored-channel.ts";

/** Longer than any attempt takes (send-message.ts). */
const LEASE_MS = 60_000;

const Row = z.object({
  name: z.string(),
  lease: z.string(),
  config: z.unknown(),
  fromEnvironment: z.boolean(),
  toldTo: z.number(),
  tellingTo: z.number().nullable(),
  attempts: z.number(),
  failingSince: z.date().nullable(),
  minuteBegan: z.date().nullable(),
  minuteMessages: z.number(),
  now: z.date(),
});
export type Claimed = Omit<z.infer<typeof Row>, "config"> & Pick<ReadChannel, "channel">;

const toClaimed = (secrets: StoredSecrets, row: unknown): Claimed => {
  const { config, ...rest } = Row.parse(row);
  return { ...rest, channel: readChannel(secrets, rest.name, config).channel };
};

/** What this process can send. `environment`: names of targets whose variables it has. */
export type Ability = { readonly types: readonly string[]; readonly environment: readonly string[] };

/** SKIP LOCKED: claims of other processes are passed by, not waited for. */
export const claimDueTargets = async (
  pool: Pool,
  secrets: StoredSecrets,
  ability: Ability,
  limit: number,
): Promise<Claimed[]> => {
  const { rows } = await pool.query(
    `with due as (
       select name from notification_targets
       where enabled and next_attempt_at <= clock_timestamp()
         and (leased_until is null or leased_until <= clock_timestamp())
         and told_to < (select coalesce(max(id), 0) from announcements)
         and type = any($1::text[]) and (not from_environment or name = any($2::text[]))
       order by next_attempt_at limit $3
       for update skip locked
     )
     update notification_targets t
     set lease = gen_random_uuid(), leased_until = clock_timestamp() + $4 * interval '1 millisecond'
     from due where t.name = due.name
     returning t.name, t.lease, t.config, t.from_environment as "fromEnvironment", t.told_to as "toldTo",
       t.telling_to as "tellingTo", t.attempts, t.failing_since as "failingSince", t.minute_began as "minuteBegan",
       t.minute_messages as "minuteMessages", clock_timestamp() as now`,
    [storedTypes(ability.types), ability.environment, limit, LEASE_MS],
  );
  return rows.map((row) => toClaimed(secrets, row));
};

/** Whether a target (`t`) is told of an announcement (`a`). */
export const IS_CHOSEN = `(t.events is null or a.event = any(t.events))
  and (a.feature_id is null or (t.features is null and t.tags is null)
       or coalesce(a.feature_id = any(t.features), false) or coalesce(a.tags && t.tags, false))`;

const WaitingRow = z.object({
  id: z.number(),
  uid: z.string(),
  event: z.string(),
  at: z.date(),
  featureId: z.string().nullable(),
  tags: z.array(z.string()),
  document: AnnouncementDocument,
  isExpired: z.boolean(),
});

const toWaiting = (row: unknown): Waiting & { readonly isExpired: boolean } => {
  const { document, ...rest } = WaitingRow.parse(row);
  return { ...rest, ...document };
};

/** What is waiting for the target, oldest first. `isExpired`: it has waited for a day. */
export const readWaiting = async (
  pool: Pool,
  { name, toldTo, tellingTo }: Pick<Claimed, "name" | "toldTo" | "tellingTo">,
  { limit, giveUpAfterS }: { limit: number; giveUpAfterS: number },
): Promise<(Waiting & { readonly isExpired: boolean })[]> => {
  const { rows } = await pool.query(
    `select a.id, a.uid, a.event, a.at, a.feature_id as "featureId", a.tags, a.document,
            greatest(a.announced_at, t.replayed_at) < clock_timestamp() - $5 * interval '1 second' as "isExpired"
     from notification_targets t join announcements a on ${IS_CHOSEN}
     where t.name = $1 and a.id > $2 and ($3::bigint is null or a.id <= $3)
     order by a.id limit $4`,
    [name, toldTo, tellingTo, limit, giveUpAfterS],
  );
  return rows.map(toWaiting);
};

type Lease = Pick<Claimed, "name" | "lease">;

/** Nothing up to the newest announcement is for the target. */
export const passOver = (pool: Pool, { name, lease }: Lease, seenTo: number) =>
  pool.query(
    `update notification_targets set told_to = greatest(told_to, $3), telling_to = null, lease = null, leased_until = null
     where name = $1 and lease = $2`,
    [name, lease, seenTo],
  );

/** Gives up what is older than a day; `lastId` is the last of it. The target stays claimed. */
export const giveUp = (
  pool: Pool,
  { name, lease }: Lease,
  { lastId, count }: { lastId: number; count: number },
) =>
  pool.query(
    `update notification_targets set told_to = $3, telling_to = null, dropped = dropped + $4
     where name = $1 and lease = $2`,
    [name, lease, lastId, count],
  );

/** Before it is sent: whoever sends after us sends the same message. false: the lease is lost. */
export const noteTelling = async (
  pool: Pool,
  { name, lease }: Lease,
  tellingTo: number,
): Promise<boolean> => {
  const { rowCount } = await pool.query(
    "update notification_targets set telling_to = $3 where name = $1 and lease = $2",
    [name, lease, tellingTo],
  );
  return rowCount === 1;
};

const RELEASED = "lease = null, leased_until = null";

export const markTold = (pool: Pool, { name, lease }: Lease, toldTo: number) =>
  pool.query(
    `update notification_targets set told_to = $3, telling_to = null, attempts = 0, failing_since = null, last_error = null,
       last_success_at = clock_timestamp(), next_attempt_at = clock_timestamp(), ${RELEASED},
       minute_messages = case when minute_began > clock_timestamp() - interval '1 minute' then minute_messages + 1 else 1 end,
       minute_began = case when minute_began > clock_timestamp() - interval '1 minute' then minute_began
                           else clock_timestamp() end
     where name = $1 and lease = $2`,
    [name, lease, toldTo],
  );

export const markFailed = (pool: Pool, { name, lease }: Lease, failed: { error: string; pauseMs: number }) =>
  pool.query(
    `update notification_targets set attempts = attempts + 1, failing_since = coalesce(failing_since, clock_timestamp()),
       last_error = $3, next_attempt_at = clock_timestamp() + $4 * interval '1 millisecond', ${RELEASED}
     where name = $1 and lease = $2`,
    [name, lease, failed.error, failed.pauseMs],
  );

/** The receiver does not take this message, and it is not tried again. */
export const markRefused = (
  pool: Pool,
  { name, lease }: Lease,
  refused: { error: string; toldTo: number; count: number },
) =>
  pool.query(
    `update notification_targets set told_to = $4, telling_to = null, attempts = 0, dropped = dropped + $5, last_error = $3,
       failing_since = coalesce(failing_since, clock_timestamp()), next_attempt_at = clock_timestamp(), ${RELEASED}
     where name = $1 and lease = $2`,
    [name, lease, refused.error, refused.toldTo, refused.count],
  );

/** The receiver wants nothing any more. */
export const markGone = (pool: Pool, { name, lease }: Lease, error: string) =>
  pool.query(
    `update notification_targets set enabled = false, version = version + 1, updated_at = now(), updated_by = 'sluice',
       failing_since = coalesce(failing_since, clock_timestamp()), last_error = $3, ${RELEASED}
     where name = $1 and lease = $2`,
    [name, lease, error],
  );

/** Not yet: too many messages within a minute, or this process stops. */
export const postpone = (pool: Pool, { name, lease }: Lease, ms: number) =>
  pool.query(
    `update notification_targets set next_attempt_at = clock_timestamp() + $3 * interval '1 millisecond', ${RELEASED}
     where name = $1 and lease = $2`,
    [name, lease, ms],
  );

/** The id of the newest announcement. Whoever has read it sees all that were announced before it. */
export const newestAnnouncement = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ id: number }>("select coalesce(max(id), 0) as id from announcements");
  return rows[0]?.id ?? 0;
};
