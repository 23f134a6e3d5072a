// Hears PostgreSQL's NOTIFY on a connection of its own, which is made again whenever it breaks. A notification that
// was sent meanwhile is lost, so every new connection counts as news.
import { Client } from "pg";
import { backoffMs, makeAlarm } from "../wake.ts";

const CHANNEL = "sluice_outbox";
/** A connection that went silent (half-open) is found by asking it something this often, in ms. */
const PROBE_MS = 5_000;

export type Listening = { readonly stop: () => Promise<void> };

export const listenForChanges = (options: {
  databaseUrl: string;
  /** `revision` of what was committed; undefined when something may have been. */
  onNews: (revision?: number) => void;
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
    client.on("notification", ({ payload }) => onNews(payload === undefined ? undefined : Number(payload)));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      failures = 0;
      onNews();
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
