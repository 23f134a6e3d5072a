// How many requests a caller may make, and how many wrong tokens and failed sign-ins may come from an address, in this process.
import type { Context } from "hono";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { makeAddressOf, type AddressOf } from "./client-address.ts";
import { problem } from "./problem.ts";

export const MINUTE_S = 60;
const REQUESTS_A_MINUTE = 6_000;
const FAILURES_A_MINUTE = 30;

export const tooMany = (context: Context, waitMs: number, detail: string): Response => {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  context.header("retry-after", String(seconds));
  return problem(context, {
    status: 429,
    title: "Too Many Requests",
    detail: `${detail}; wait ${seconds} s`,
  });
};

/** Takes one of what is left for the key; the time until there is more, in ms, where there is nothing left. */
export const take = async (limiter: RateLimiterMemory, key: string): Promise<number | null> => {
  try {
    await limiter.consume(key);
    return null;
  } catch (refused) {
    if (refused instanceof RateLimiterRes) return refused.msBeforeNext;
    throw refused;
  }
};

export type RequestLimits = ReturnType<typeof makeRequestLimits>;

export const makeRequestLimits = ({ addressOf = makeAddressOf([]) }: { addressOf?: AddressOf } = {}) => {
  const requests = new RateLimiterMemory({ points: REQUESTS_A_MINUTE, duration: MINUTE_S });
  const failures = new RateLimiterMemory({ points: FAILURES_A_MINUTE, duration: MINUTE_S });
  return {
    addressOf,
    /** The answer to a caller that asks too often; null: it may go on. */
    ofPrincipal: async (context: Context, actor: string): Promise<Response | null> => {
      const waitMs = await take(requests, actor);
      return waitMs === null
        ? null
        : tooMany(context, waitMs, `this token made more than ${REQUESTS_A_MINUTE} requests in a minute`);
    },
    /** The answer to an address that has failed too often, before what it brings now is looked up. */
    ofFailures: async (context: Context): Promise<Response | null> => {
      const left = await failures.get(addressOf(context));
      return left === null || left.remainingPoints > 0
        ? null
        : tooMany(
            context,
            left.msBeforeNext,
            `more than ${FAILURES_A_MINUTE} wrong tokens or failed sign-ins came from your address in a minute`,
          );
    },
    noteFailure: async (context: Context): Promise<void> => {
      await failures.penalty(addressOf(context));
    },
  };
};
