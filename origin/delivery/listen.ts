// Listens to PostgreSQL's NOTIFY on a connection of its own, which is made again whenever it breaks. Notifications
// that were sent meanwhile are lost, so every new connection counts as a notification that names no revision.
import { Client } from "pg";
import { PushMessage } from "../../shared/snapshot/push-message.ts";
import { applySettings, splitSettings } from "../db/session-settings.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { makeInterruptibleSleep } from "../runtime/interruptible-sleep.ts";
import type { WarningLog } from "../runtime/log.ts";

/** The name of the session that listens. */
export const LISTENER = "sluice-listen";
/** Every revision, by its number. */
const REVISIONS = "sluice_outbox";
/** The changes of a revision, where they are short enough. Comes before the number. */
const STATES = "sluice_states";
/** A connection that went silent (half-open) is found by asking it something this often, in ms. */
const PROBE_MS = 5_000;
const RECONNECT = { firstMs: 50, mostMs: 1_000 };

/** A committed revision, and its changes where they came along. Without a revision anything may have changed. */
export type ChangeNotification = { readonly revision?: number; readonly change?: PushMessage };

const parseNotification = (channel: string, payload: string): ChangeNotification => {
  if (channel === REVISIONS) return { revision: Number(payload) };
  const change = PushMessage.parse(JSON.parse(payload));
  return { revision: change.revision, change };
};

export type Listener = { readonly stop: () => Promise<void> };

export const listenForChanges = (options: {
  databaseUrl: string;
  onNotification: (notification: ChangeNotification) => void;
  /** Hears whether it is connected, each time that this changes. */
  onListening?: (isListening: boolean) => void;
  log: WarningLog;
}): Listener => {
  const { databaseUrl, onNotification, onListening = () => {}, log } = options;
  const { url, settings } = splitSettings(databaseUrl);
  const pause = makeInterruptibleSleep();
  const stopping = new AbortController();
  let failures = 0;

  const listen = async (): Promise<void> => {
    const client = new Client({
      connectionString: url,
      application_name: LISTENER,
      connectionTimeoutMillis: PROBE_MS,
      query_timeout: PROBE_MS,
    });
    let broken: Error | null = null;
    client.on("error", (error) => {
      broken = error;
      pause.interrupt();
    });
    client.on("notification", ({ channel, payload }) =>
      onNotification(parseNotification(channel, payload ?? "")),
    );
    try {
      await client.connect();
      await applySettings(client, settings);
      await client.query(`listen ${STATES}; listen ${REVISIONS}`);
      failures = 0;
      onListening(true);
      onNotification({});
      while (!stopping.signal.aborted) {
        await pause.sleep(PROBE_MS);
        if (broken !== null) throw broken;
        await client.query("select 1");
      }
    } finally {
      // A connection to a dead server may never end. The next one must not wait for it.
      void client.end().catch(() => {});
    }
  };

  const running = (async () => {
    while (!stopping.signal.aborted) {
      await listen().catch((error: unknown) => {
        failures += 1;
        onListening(false);
        if (failures === 1)
          log.warn(
            { error: String(error) },
            "the connection for LISTEN broke; it is made again, and the outbox is polled meanwhile",
          );
      });
      if (!stopping.signal.aborted) await pause.sleep(backoffMs(failures, RECONNECT));
    }
  })();

  return {
    stop: async () => {
      stopping.abort();
      pause.interrupt();
      await running;
    },
  };
};
