// A message for programs: JSON, signed as Standard Webhooks says (https://www.standardwebhooks.com).
import { createHmac } from "node:crypto";
import type { WebhookChannel } from "../target.ts";
import { featureLink, titleOf, type Message } from "./message.ts";

/** The type of a message that tells several kinds of news. */
const DIGEST = "digest";

export const webhookBody = (message: Message, { publicUrl }: { publicUrl: string }): string => {
  const [first] = message.news;
  const isOfOneKind = message.news.every(({ event }) => event === first?.event);
  return JSON.stringify({
    type: first !== undefined && isOfOneKind ? first.event : DIGEST,
    timestamp: (first?.at ?? new Date(0)).toISOString(),
    data: {
      title: titleOf(message),
      news: message.news.map(
        ({ uid, event, at, featureId, tags, reason, actor, revision, counts, markdown }) => ({
          id: uid,
          event,
          at: at.toISOString(),
          featureId,
          tags,
          reason,
          actor,
          revision,
          counts,
          markdown,
          link: featureId === null ? null : featureLink(publicUrl, featureId),
        }),
      ),
    },
  });
};

const PREFIX = "whsec_";

/** The key of a secret; the form is checked where a secret is taken. */
const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(PREFIX.length), "base64");

const signature = (secret: string, signed: string): string =>
  `v1,${createHmac("sha256", keyOf(secret)).update(signed).digest("base64")}`;

/** While a secret is changed both sign, so the receiver may hold either. */
export const webhookHeaders = (
  { secret, previous }: WebhookChannel,
  { id, body, nowMs }: { id: string; body: string; nowMs: number },
): Record<string, string> => {
  const seconds = String(Math.floor(nowMs / 1_000));
  const secrets = [
    secret,
    ...(previous !== null && previous.until.getTime() > nowMs ? [previous.secret] : []),
  ];
  return {
    "webhook-id": id,
    "webhook-timestamp": seconds,
    "webhook-signature": secrets.map((one) => signature(one, `${id}.${seconds}.${body}`)).join(" "),
  };
};
