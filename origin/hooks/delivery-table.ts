// What came to a hook and what became of it: the tables hook_alerts and hook_deliveries.
import { z } from "zod";
import { pageOf } from "../db/page.ts";
import type { Queryable } from "../db/pool.ts";
import { OUTCOMES, type AlertResult } from "./alert-result.ts";
import type { HookName } from "./hook.ts";

/** A firing that was not heard of for so long does not come again. */
const FORGET_AFTER = "90 days";
const KEPT_DELIVERIES = 1_000;

export type SeenAlert = {
  /** By the database's clock, which no sender sets. */
  readonly firstSeenAt: Date;
  /** null: nothing was carried out for it yet. */
  readonly actedAt: Date | null;
};
const SeenAlert = z.object({ firstSeenAt: z.date(), actedAt: z.date().nullable() });

/** Notes that the firing was heard of, and says what is known of it. */
export const noteAlert = async (db: Queryable, hook: HookName, key: string): Promise<SeenAlert> => {
  const { rows } = await db.query(
    `insert into hook_alerts as a (hook, alert_key) values ($1, $2)
     on conflict (hook, alert_key) do update set last_seen_at = now()
     returning first_seen_at as "firstSeenAt", acted_at as "actedAt"`,
    [hook, key],
  );
  return SeenAlert.parse(rows[0]);
};

/** What noteAlert would say, without noting anything. */
export const findAlert = async (db: Queryable, hook: HookName, key: string): Promise<SeenAlert | null> => {
  const { rows } = await db.query(
    `select first_seen_at as "firstSeenAt", acted_at as "actedAt" from hook_alerts where hook = $1 and alert_key = $2`,
    [hook, key],
  );
  return rows[0] === undefined ? null : SeenAlert.parse(rows[0]);
};

export const noteActed = async (db: Queryable, hook: HookName, key: string): Promise<void> => {
  await db.query(
    "update hook_alerts set acted_at = now() where hook = $1 and alert_key = $2 and acted_at is null",
    [hook, key],
  );
};

const Delivery = z.object({
  id: z.number(),
  at: z.date(),
  mode: z.enum(["shadow", "enforce"]),
  alerts: z.array(
    z.object({
      key: z.string().nullable(),
      title: z.string(),
      outcome: z.enum(OUTCOMES),
      detail: z.string(),
      featureIds: z.array(z.string()),
      revision: z.number().nullable(),
    }),
  ),
});

export const insertDelivery = async (
  db: Queryable,
  delivery: { hook: HookName; mode: string; alerts: readonly AlertResult[] },
): Promise<number> => {
  const { rows } = await db.query<{ id: number }>(
    "insert into hook_deliveries (hook, mode, alerts) values ($1, $2, $3) returning id",
    [delivery.hook, delivery.mode, JSON.stringify(delivery.alerts)],
  );
  await db.query(
    `delete from hook_deliveries where hook = $1 and id <= (
       select id from hook_deliveries where hook = $1 order by id desc offset $2 limit 1)`,
    [delivery.hook, KEPT_DELIVERIES],
  );
  await db.query(`delete from hook_alerts where last_seen_at < now() - interval '${FORGET_AFTER}'`);
  return rows[0]?.id ?? 0;
};

export type DeliveryQuery = { readonly limit: number; readonly before?: number | undefined };

/** The newest first. */
export const listDeliveries = async (db: Queryable, hook: HookName, { limit, before }: DeliveryQuery) => {
  const { rows } = await db.query(
    `select id, at, mode, alerts from hook_deliveries
     where hook = $1 and ($2::bigint is null or id < $2) order by id desc limit $3`,
    [hook, before ?? null, limit + 1],
  );
  const { items: deliveries, next } = pageOf(
    rows.map((row) => Delivery.parse(row)),
    limit,
    ({ id }) => id,
  );
  return { deliveries, next };
};
