// What other stages may ask about the targets and change in them, bound to the database and the ways to send.
import { randomBytes, randomUUID } from "node:crypto";
import type { Pool } from "../db/pool.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { StoredSecrets } from "../runtime/stored-secrets.ts";
import { readTargetUrl, type AllowedHosts } from "./channels/address-guard.ts";
import type { Outcome } from "./channels/outcome.ts";
import type { SendMessage } from "./channels/send-message.ts";
import { ENVIRONMENT_SLACK } from "./environment-targets.ts";
import { TEST_EVENT } from "../../shared/notifications/events.ts";
import { messageOf } from "./messages/message.ts";
import {
  deleteTarget,
  getTarget,
  insertTarget,
  listTargets,
  tellAgain,
  updateTarget,
  type StoredTarget,
  type TargetFields,
} from "./stored-targets.ts";
import type { Channel } from "./target.ts";

const MOST_TARGETS = 100;

/** A target without its secrets. */
export type ShownTarget = Omit<StoredTarget, "channel"> & {
  /** Until when the secret before the present one signs too; null: there is one secret. */
  readonly previousSecretUntil: Date | null;
};

const shown = ({ channel, ...rest }: StoredTarget): ShownTarget => ({
  ...rest,
  previousSecretUntil:
    channel.ok && channel.value.type === "webhook" ? (channel.value.previous?.until ?? null) : null,
});

/** Of Standard Webhooks: the prefix and 24 to 64 random bytes in base64. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString("base64")}`;

export type NotificationTargets = ReturnType<typeof makeNotificationTargets>;

/** `environment`: channels that variables made. `nowMs`: wall clock. */
export const makeNotificationTargets = (needs: {
  pool: Pool;
  secrets: StoredSecrets;
  send: SendMessage;
  allowed: AllowedHosts;
  canMail: boolean;
  environment: ReadonlyMap<string, Channel>;
  nowMs: () => number;
}) => {
  const { pool, secrets, send, allowed, canMail, environment, nowMs } = needs;
  return {
    canMail,
    newWebhookSecret,
    checkUrl: (url: string): Result<unknown, string> => readTargetUrl(url, allowed),
    list: async (): Promise<ShownTarget[]> => (await listTargets(pool, secrets)).map(shown),
    get: async (name: string): Promise<ShownTarget | null> => {
      const target = await getTarget(pool, secrets, name);
      return target === null ? null : shown(target);
    },
    create: (target: TargetFields & { name: string; actor: string }) =>
      target.name === ENVIRONMENT_SLACK
        ? Promise.resolve("exists")
        : insertTarget(pool, secrets, target, MOST_TARGETS),
    /** `channelOf` makes the new channel of the present one. false: it was changed meanwhile. A text: why it cannot be decrypted. */
    replace: async (
      target: Omit<TargetFields, "channel"> & { name: string; version: number; actor: string },
      channelOf: (present: Channel) => Channel,
    ): Promise<boolean | string> => {
      const present = await getTarget(pool, secrets, target.name);
      if (present === null) return false;
      if (!present.channel.ok) return present.channel.error;
      return updateTarget(pool, secrets, { ...target, channel: channelOf(present.channel.value) });
    },
    remove: (target: { name: string; version: number; actor: string }) => deleteTarget(pool, target),
    redeliver: (name: string, since: Date) => tellAgain(pool, name, since),
    /** Sends a message now, beside all others, and says what became of it. null: there is no such target. */
    test: async (name: string, actor: string) => {
      const target = await getTarget(pool, secrets, name);
      if (target === null) return null;
      const began = performance.now();
      const news = {
        uid: randomUUID(),
        event: TEST_EVENT,
        at: new Date(nowMs()),
        featureId: null,
        tags: [],
        reason: `This message tests the notification target ${name}.`,
        actor,
        revision: null,
        counts: [],
        markdown: null,
      };
      const own = environment.get(name);
      const channel = own === undefined ? target.channel : ok(own);
      const outcome: Outcome = channel.ok
        ? await send(channel.value, messageOf(name, [news]))
        : { kind: "failed", error: channel.error, retryAfterMs: null };
      return {
        delivered: outcome.kind === "delivered",
        error: outcome.kind === "delivered" ? null : outcome.error,
        ms: Math.round(performance.now() - began),
      };
    },
  };
};
