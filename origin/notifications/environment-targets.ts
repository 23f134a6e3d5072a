// Targets that a variable makes. Their addresses stay in the environment; the database has how far they were told.
import type { Pool } from "../db/pool.ts";
import type { EventName } from "../../shared/notifications/events.ts";
import { shownAddress, type Channel } from "./target.ts";

/** The target of `SLACK_WEBHOOK_URL`. */
export const ENVIRONMENT_SLACK = "slack-webhook-url";

const EVENTS: readonly EventName[] = ["feature.rolledBack", "feature.wouldRollBack", "feature.kept"];

export const environmentTargets = (slackUrl: string | undefined): ReadonlyMap<string, Channel> =>
  new Map(slackUrl === undefined ? [] : [[ENVIRONMENT_SLACK, { type: "slack", url: slackUrl }]]);

/** So long after the last process that had the variable its target is gone, in minutes. */
const GONE_AFTER_M = 60;

/** To be called now and then by each process that sends. */
export const keepEnvironmentTargets = async (
  pool: Pool,
  targets: ReadonlyMap<string, Channel>,
): Promise<void> => {
  for (const [name, channel] of targets) {
    // An address without its secret, to be shown.
    const config = JSON.stringify({ type: channel.type, url: shownAddress(channel) });
    await pool.query(
      `insert into notification_targets as t
         (name, type, config, events, from_environment, seen_at, created_by, updated_by, told_to)
       select $1, $2, $3::jsonb, $4, true, now(), 'environment', 'environment', coalesce(max(id), 0) from announcements
       on conflict (name) do update set seen_at = now(), config = excluded.config, events = excluded.events
       where t.from_environment and (t.seen_at < now() - interval '1 minute' or t.config <> excluded.config)`,
      [name, channel.type, config, EVENTS],
    );
  }
  await pool.query(
    "delete from notification_targets where from_environment and seen_at < now() - $1 * interval '1 minute'",
    [GONE_AFTER_M],
  );
};
