// One turn of one claimed target: what waits for it becomes a message, which is sent and marked. News is told in its order, at
// least once: a message is sent again until the receiver has taken it, refused it a few times, or a day is over.
import { ok } from "../../shared/result.ts";
import type { Pool } from "../db/pool.ts";
import { backoffMs } from "../runtime/backoff.ts";
import type { WarningLog } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Outcome } from "./channels/outcome.ts";
import type { SendMessage } from "./channels/send-message.ts";
import {
  giveUp,
  markFailed,
  markGone,
  markRefused,
  markTold,
  newestAnnouncement,
  noteTelling,
  passOver,
  postpone,
  readWaiting,
  type Claimed,
} from "./due-targets.ts";
import { messageOf } from "./messages/message.ts";
import { MOST_IN_A_MESSAGE, nextMessage } from "./next-message.ts";
import type { Channel } from "./target.ts";

const RETRY = { firstMs: 5_000, mostMs: 3_600_000 };
const GIVE_UP_AFTER_S = 24 * 3_600;
/** A receiver that refuses a message as bad may have had a bad moment. */
const MOST_REFUSALS = 3;

export type NewsLog = WarningLog & { readonly info: (facts: object, message: string) => void };

export type TellNeeds = {
  readonly pool: Pool;
  readonly send: SendMessage;
  /** The channel of a target that a variable made: its address is not stored. */
  readonly environment: ReadonlyMap<string, Channel>;
  readonly metrics: Pick<Metrics, "notifications">;
  readonly log: NewsLog;
  readonly stopping: AbortSignal;
  readonly random?: () => number;
};

export const makeTellTarget = (needs: TellNeeds): ((target: Claimed) => Promise<void>) => {
  const { pool, send, environment, metrics, log, stopping, random = Math.random } = needs;

  const fail = async (target: Claimed, error: string, leastPauseMs: number): Promise<void> => {
    const { name, attempts } = target;
    const pauseMs = Math.max(leastPauseMs, backoffMs(attempts, RETRY, random));
    metrics.notifications.inc({ target: name, outcome: "failed" });
    if (target.failingSince === null)
      log.warn(
        { target: name, error },
        "a notification target takes no message; it is tried again for a day",
      );
    await markFailed(pool, target, { error, pauseMs });
  };

  const note = async (
    target: Claimed,
    outcome: Outcome,
    sent: { to: number; count: number },
  ): Promise<void> => {
    const { name } = target;
    switch (outcome.kind) {
      case "delivered":
        metrics.notifications.inc({ target: name, outcome: "delivered" });
        if (target.failingSince !== null)
          log.info({ target: name }, "a notification target takes messages again");
        await markTold(pool, target, sent.to);
        return;
      case "failed":
        if (stopping.aborted) await postpone(pool, target, 0);
        else await fail(target, outcome.error, outcome.retryAfterMs ?? 0);
        return;
      case "refused":
        if (target.attempts + 1 < MOST_REFUSALS) return fail(target, outcome.error, 0);
        metrics.notifications.inc({ target: name, outcome: "refused" });
        log.warn(
          { target: name, error: outcome.error, news: sent.count },
          "a notification target refuses a message; it is not sent again, and the next one is",
        );
        await markRefused(pool, target, { error: outcome.error, toldTo: sent.to, count: sent.count });
        return;
      case "gone":
        metrics.notifications.inc({ target: name, outcome: "gone" });
        log.warn(
          { target: name, error: outcome.error },
          "a notification target wants no messages any more and is disabled; enable it when its address is right again",
        );
        await markGone(pool, target, outcome.error);
    }
  };

  return async (target) => {
    const newest = await newestAnnouncement(pool);
    const found = await readWaiting(pool, target, {
      limit: MOST_IN_A_MESSAGE,
      giveUpAfterS: GIVE_UP_AFTER_S,
    });
    const expired = found.filter(({ isExpired }) => isExpired);
    const last = expired.at(-1);
    if (last !== undefined) {
      metrics.notifications.inc({ target: target.name, outcome: "expired" }, expired.length);
      log.warn(
        { target: target.name, news: expired.length },
        "news has waited for a day at a notification target and is given up",
      );
      await giveUp(pool, target, { lastId: last.id, count: expired.length });
    }
    const waiting = found.filter(({ isExpired }) => !isExpired);
    if (waiting.length === 0) {
      // Of a full page there may be more behind it.
      await passOver(pool, target, last === undefined ? (target.tellingTo ?? newest) : last.id);
      return;
    }
    const minute =
      target.minuteBegan === null
        ? null
        : { beganMs: target.minuteBegan.getTime(), messages: target.minuteMessages };
    const isAgain = target.tellingTo !== null;
    const next = isAgain ? { take: waiting.length } : nextMessage(waiting, minute, target.now.getTime());
    if ("waitMs" in next) {
      await postpone(pool, target, next.waitMs);
      return;
    }
    const told = waiting.slice(0, next.take);
    const to = told.at(-1)?.id ?? target.toldTo;
    if (!(await noteTelling(pool, target, to))) return;
    const own = environment.get(target.name);
    const channel = own === undefined ? target.channel : ok(own);
    const outcome: Outcome = channel.ok
      ? await send(channel.value, messageOf(target.name, told), stopping)
      : { kind: "failed", error: channel.error, retryAfterMs: null };
    await note(target, outcome, { to, count: told.length });
  };
};
