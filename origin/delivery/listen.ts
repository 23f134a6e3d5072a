// Hears PostgreSQL's NOTIFY on a connection of its own, which is made again whenever it breaks. A notification that
// was sent meanwhile is lost, so every new connection counts as news.
import { Client } from "pg";
import { PushMessage } from "../../shared/features/feature.ts";
import { backoffMs, makeAlarm } from "../runtime/alarm.ts";

/** Every revision, by its number. */
const REVISIONS = "sluice_outbox";
/** What a revision changed, where that is short enough. Comes before the number. */
const STATES = "sluice_states";
/** A connection that went silent (half-open) is found by asking it something this often, in ms. */
const PROBE_MS = 5_000;

/** What was committed, as far as it was told; without a revision something may have been. */
export type News = { readonly revision?: number; readonly change?: PushMessage };

const newsOf = (channel: string, payload: string): News => {
  if (channel === REVISIONS) return { revision: Number(payload) };
  const change = PushMessage.parse(JSON.parse(payload));
  return { revision: change.revision, change };
};

export type Listening = { readonly stop: () => Promise<void> };

export const listenForChanges = (options: {
  databaseUrl: string;
  onNews: (news: News) => void;
  log: { readonly warn: (facts: object, message: string) => void };
}): Listening => {
  const { databaseUrl, onNews, log } = options;
  const alarm = makeAlarm();
  const stopping = new AbortController();
  let failures = 0;

  const listen = async (): Promise<void> => {
    const client = new Client({
      connectionString: databaseUrl,
      application_name: "sluice-listen",
      connectionTimeoutMillis: PROBE_MS,
      query_timeout: PROBE_MS,
    });
    let broken: Error | null = null;
    client.on("error", (error) => {
      broken = error;
      alarm.ring();
    });
    client.on("notification", ({ channel, payload }) => onNews(newsOf(channel, payload ?? "")));
    try {
      await client.connect();
      await client.query(`listen ${STATES}; listen ${REVISIONS}`);
      failures = 0;
      onNews({});
      while (!stopping.signal.aborted) {
        await alarm.wait(PROBE_MS);
        if (broken !== null) throw broken;
        await client.query("select 1");
      }
    } finally {
      // An end that waits for a dead server's answer must not hold up the next connection.
      void client.end().catch(() => {});
    }
  };

  const running = (async () => {
    while (!stopping.signal.aborted) {
      await listen().catch((error: unknown) => {
        failures += 1;
        if (failures === 1) log.warn({ error: String(error) }, "database connection for LISTEN is away");
      });
      if (!stopping.signal.aborted) await alarm.wait(backoffMs(failures, { firstMs: 50, mostMs: 1_000 }));
    }
  })();

  return {
    stop: async () => {
      stopping.abort();
      alarm.ring();
      await running;
    },
  };
};
