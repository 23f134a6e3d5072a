// The loop that tells news, and the admin API beside it, on a test's database.
import { makePool } from "../../origin/db/pool.ts";
import { asServiceRole } from "../../origin/db/service-role.ts";
import { parseAllowedHosts } from "../../origin/notifications/channels/address-guard.ts";
import { makePostJson } from "../../origin/notifications/channels/post-json.ts";
import type { SendEmail } from "../../origin/notifications/channels/send-email.ts";
import { makeSendMessage } from "../../origin/notifications/channels/send-message.ts";
import { startNotifications } from "../../origin/notifications/start-notifications.ts";
import type { Channel } from "../../origin/notifications/target.ts";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import { makeStoredSecrets } from "../../origin/runtime/stored-secrets.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import type { TestDatabase } from "./database.ts";
import { makeTestLog } from "./log.ts";

export const PUBLIC_URL = "https://sluice.shop.test";

export const startNews = (
  database: TestDatabase,
  more: {
    sendEmail?: SendEmail;
    environment?: ReadonlyMap<string, Channel>;
    answerWithinMs?: number;
    encryptionKeys?: KeyRing;
  } = {},
) => {
  const { sendEmail = null, environment = new Map(), answerWithinMs = 2_000, encryptionKeys } = more;
  const log = makeTestLog();
  const metrics = makeMetrics();
  const running = startNotifications({
    pool: makePool(asServiceRole(database.url), { applicationName: "news", max: 4, onIdleError: () => {} }),
    secrets: makeStoredSecrets(encryptionKeys),
    send: makeSendMessage({
      postJson: makePostJson(parseAllowedHosts(["127.0.0.1"])),
      sendEmail,
      publicUrl: PUBLIC_URL,
      nowMs: Date.now,
      answerWithinMs,
    }),
    canMail: sendEmail !== null,
    environment,
    metrics,
    log,
    pollMs: 20,
  });
  return { ...running, log, metrics };
};

/** Lets time pass: everything that waits has waited for so long, and whatever has happened is so much older. */
export const letTimePass = async ({ pool }: TestDatabase, seconds: number): Promise<void> => {
  await pool.query(
    `update notification_targets set next_attempt_at = next_attempt_at - $1 * interval '1 second',
       failing_since = failing_since - $1 * interval '1 second', minute_began = minute_began - $1 * interval '1 second',
       leased_until = leased_until - $1 * interval '1 second', seen_at = seen_at - $1 * interval '1 second',
       replayed_at = replayed_at - $1 * interval '1 second'`,
    [seconds],
  );
  await pool.query("update announcements set announced_at = announced_at - $1 * interval '1 second'", [
    seconds,
  ]);
};
