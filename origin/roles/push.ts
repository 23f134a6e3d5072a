// The role push: committed changes reach the edges, and news reach people and programs. Other roles make news too.
import { startDelivery } from "../delivery/start-delivery.ts";
import { publicUrlOf } from "../environment/settings.ts";
import { makeAnnounce } from "../notifications/announce.ts";
import { parseAllowedHosts } from "../notifications/channels/address-guard.ts";
import { makePostJson } from "../notifications/channels/post-json.ts";
import { makeSendEmail } from "../notifications/channels/send-email.ts";
import { makeSendMessage } from "../notifications/channels/send-message.ts";
import { environmentTargets } from "../notifications/environment-targets.ts";
import { startNotifications } from "../notifications/start-notifications.ts";
import type { StoredSecrets } from "../runtime/stored-secrets.ts";
import type { Databases } from "./databases.ts";
import type { OriginProcess } from "./process.ts";

export type Push = ReturnType<typeof startPush>;

export const startPush = (
  { config, log, metrics, has }: OriginProcess,
  { main: { pool, url: databaseUrl, makeStagePool } }: Databases,
  secrets: StoredSecrets,
) => {
  const publicUrl = publicUrlOf(config);
  const announce = makeAnnounce(pool);
  const allowed = parseAllowedHosts(config.NOTIFY_ALLOW_HOSTS);
  const mailServer =
    config.SMTP_URL === undefined || config.SMTP_FROM === undefined
      ? null
      : { url: config.SMTP_URL, from: config.SMTP_FROM };
  const send = makeSendMessage({
    postJson: makePostJson(allowed),
    sendEmail: mailServer === null ? null : makeSendEmail(mailServer),
    publicUrl,
    nowMs: Date.now,
  });
  const messages = {
    send,
    allowed,
    canMail: mailServer !== null,
    environment: environmentTargets(config.SLACK_WEBHOOK_URL),
  };
  // First, because edges wait for the changes that were committed before this process started.
  const delivery = has("push")
    ? startDelivery({ databaseUrl, pool, config, announce, metrics, log })
    : undefined;
  const notifications = has("push")
    ? startNotifications({
        pool: makeStagePool({ applicationName: "sluice-news", max: 4 }),
        secrets,
        send,
        canMail: messages.canMail,
        environment: messages.environment,
        metrics,
        log,
      })
    : undefined;
  return { announce, messages, delivery, notifications };
};
