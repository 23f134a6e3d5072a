// Beside the sending: what /metrics shows of the targets, and the removal of old news.
import type { Pool } from "../db/pool.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Finding, HealthCheck } from "../runtime/health.ts";
import { IS_CHOSEN } from "./due-targets.ts";

const KEEP_DAYS = 30;
/** Nobody needs a greater number. */
export const MOST_COUNTED = 10_000;

/** What is waiting for a target `t`. */
export const QUEUED = `(select count(*) from (
  select from announcements a where a.id > t.told_to and ${IS_CHOSEN} limit ${MOST_COUNTED}) as waiting)`;

export const reportTargets = async (
  pool: Pool,
  metrics: Pick<Metrics, "notificationsFailing" | "notificationsQueued">,
): Promise<void> => {
  const { rows } = await pool.query<{ name: string; failing: boolean; queued: number }>(
    `select name, failing_since is not null as failing, ${QUEUED} as queued from notification_targets t`,
  );
  metrics.notificationsFailing.reset();
  metrics.notificationsQueued.reset();
  for (const { name, failing, queued } of rows) {
    metrics.notificationsFailing.set({ target: name }, failing ? 1 : 0);
    metrics.notificationsQueued.set({ target: name }, queued);
  }
};

const findingOf = (target: {
  name: string;
  enabled: boolean;
  failingSince: Date | null;
  lastError: string | null;
}): Finding => {
  const { name: subject, enabled, failingSince, lastError } = target;
  const why = lastError === null ? "" : `: ${lastError}`;
  if (failingSince === null)
    return { status: "ok", subject, summary: enabled ? "takes its messages" : "is switched off" };
  return {
    status: "warning",
    subject,
    summary: enabled
      ? `has taken no message since ${failingSince.toISOString().slice(0, 16)}${why}`
      : `is switched off, because its receiver wants no messages${why}`,
    todo: `mend its address by PUT /admin/v1/notifications/${subject}, then try it: npx sluice notifications test ${subject}`,
  };
};

/** Targets that take no messages. Nothing waits for them, so they are no failure of Sluice's. */
export const notificationChecks = ({ pool }: { pool: Pool }): HealthCheck[] => [
  {
    id: "notifications",
    run: async () => {
      const { rows } = await pool.query<Parameters<typeof findingOf>[0]>(
        `select name, enabled, failing_since as "failingSince", last_error as "lastError"
         from notification_targets order by name`,
      );
      return rows.map(findingOf);
    },
  },
];

/** The newest stays, so that ids are never taken for older ones. */
export const pruneAnnouncements = (pool: Pool) =>
  pool.query(
    `delete from announcements
     where announced_at < clock_timestamp() - $1 * interval '1 day' and id < (select max(id) from announcements)`,
    [KEEP_DAYS],
  );
