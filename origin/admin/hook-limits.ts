// How often alerting systems may come, and who cannot show a hook's secret, in this process.
import type { Context } from "hono";
import { RateLimiterMemory } from "rate-limiter-flexible";
import type { AddressOf } from "../runtime/client-address.ts";
import { MINUTE_S, take, tooMany } from "../runtime/request-limits.ts";

const DELIVERIES_A_MINUTE = 120;
const STRANGERS_A_MINUTE = 30;
const DAY_S = 24 * 60 * MINUTE_S;

export const makeHookLimits = (addressOf: AddressOf) => {
  const deliveries = new RateLimiterMemory({ points: DELIVERIES_A_MINUTE, duration: MINUTE_S });
  const strangers = new RateLimiterMemory({ points: STRANGERS_A_MINUTE, duration: MINUTE_S });
  /** Senders that got through: others' mistakes behind the same proxy do not hold them up. */
  const good = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: DAY_S });
  const keyOf = (context: Context, hook: string): string => `${addressOf(context)} ${hook}`;
  return {
    /** The answer to an address that has come too often without a secret, before a hook is looked up. */
    ofStranger: async (context: Context, hook: string): Promise<Response | null> => {
      const left = await strangers.get(addressOf(context));
      if (left === null || left.remainingPoints > 0) return null;
      return (await good.get(keyOf(context, hook))) === null
        ? tooMany(
            context,
            left.msBeforeNext,
            `more than ${STRANGERS_A_MINUTE} requests without a hook's secret came from your address in a minute`,
          )
        : null;
    },
    noteStranger: async (context: Context): Promise<void> => {
      await strangers.penalty(addressOf(context));
    },
    /** The answer to a hook's sender that comes too often; null: it may go on. */
    ofSender: async (context: Context, hook: string): Promise<Response | null> => {
      await good.consume(keyOf(context, hook));
      const waitMs = await take(deliveries, hook);
      return waitMs === null
        ? null
        : tooMany(context, waitMs, `this hook took more than ${DELIVERIES_A_MINUTE} deliveries in a minute`);
    },
  };
};
