// Simulated visitors with real HTTP and real cookies: they arrive at random times, look around, some buy, some return.
// What they do depends on what their pages show them, never on what a cookie claims.
import { setTimeout as sleep } from "node:timers/promises";
import { type Behaviour, drawTemper } from "./behaviour.ts";
import { makeCookieJar } from "./cookie-jar.ts";
import { makeHttpClient } from "./http-client.ts";
import { seededRandom, visitorRandom } from "./random.ts";
import { emptyTally, type Tally, tallyEvent, tallyReturn, tallyVisit } from "./tally.ts";
import { returnVisit, visit, VisitBrokenOff, type VisitorEvent, type VisitParts } from "./visit.ts";

export interface VisitorOptions {
  readonly edgeUrl: string;
  /** Mean of the Poisson arrivals. */
  readonly arrivalsPerSecond: number;
  readonly behaviour: Behaviour;
  /** Ends the traffic at once: no arrivals, no returns, requests under way are dropped and not counted. */
  readonly signal: AbortSignal;
  readonly onEvent?: (event: VisitorEvent) => void;
  /** The same seed gives the same visitors (arrival times, temper, product). */
  readonly seed?: number;
  /** Arrivals end after this many; the promise then resolves when the last of them has come back. */
  readonly visitors?: number;
  /** How many visitors may be inside at once; arrivals beyond it are turned away and counted. */
  readonly maxAtOnce?: number;
}

const REQUEST_TIMEOUT_MS = 15_000;

const now = (): number => performance.timeOrigin + performance.now();

/** True after the time, false when the signal came first. */
const sleepUnless = (signal: AbortSignal, ms: number): Promise<boolean> =>
  sleep(ms, true, { signal }).catch(() => false);

/**
 * Resolves with the counts when the arrivals have ended and everybody has gone, or soon after the signal.
 * Rejects with what `onEvent` threw.
 */
export const runVisitors = async ({
  edgeUrl,
  arrivalsPerSecond,
  behaviour,
  signal,
  onEvent,
  seed = 1,
  visitors = Number.POSITIVE_INFINITY,
  maxAtOnce = 256,
}: VisitorOptions): Promise<Tally> => {
  const tally = emptyTally();
  const client = makeHttpClient({
    baseUrl: edgeUrl,
    maxSockets: maxAtOnce,
    timeoutMs: REQUEST_TIMEOUT_MS,
  });
  // A visitor's life fails only by a bug, ours or the listener's: it ends the traffic and reaches the caller.
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  stop.addEventListener("abort", client.close, { once: true });
  const report = (event: VisitorEvent): void => {
    if (stop.aborted) return;
    tallyEvent(tally, event);
    onEvent?.(event);
  };
  let inside = 0;

  /** Runs one stay in the shop; undefined when it broke off. */
  const stay = async <T>(steps: () => Promise<T>): Promise<T | undefined> => {
    inside += 1;
    try {
      return await steps();
    } catch (error) {
      if (error instanceof VisitBrokenOff) return undefined;
      throw error;
    } finally {
      inside -= 1;
    }
  };

  const live = async (visitor: number): Promise<void> => {
    const temper = drawTemper(behaviour, visitorRandom(seed, visitor));
    const parts: VisitParts = {
      visitor,
      behaviour,
      temper,
      jar: makeCookieJar(),
      client,
      onEvent: report,
      now,
    };
    const seen = await stay(() => visit(parts));
    if (seen === undefined) return;
    tallyVisit(tally, seen);
    if (seen.comesBackAfterMs === undefined) return;
    if (!(await sleepUnless(stop, seen.comesBackAfterMs))) return;
    if (await stay(() => returnVisit(parts))) tallyReturn(tally, seen);
  };

  const drawGap = seededRandom(seed);
  const lives = new Set<Promise<void>>();
  let nextAtMs = now();
  try {
    for (let visitor = 0; visitor < visitors && !stop.aborted; visitor += 1) {
      nextAtMs += (-Math.log(1 - drawGap()) * 1000) / arrivalsPerSecond;
      const aheadMs = nextAtMs - now();
      // Timers tick in milliseconds: arrivals that are due together go together.
      if (aheadMs > 1 && !(await sleepUnless(stop, aheadMs))) break;
      if (inside >= maxAtOnce) {
        tally.turnedAway += 1;
        continue;
      }
      tally.visitors += 1;
      const life = live(visitor);
      lives.add(life);
      life.then(
        () => lives.delete(life),
        () => ended.abort(),
      );
    }
    await Promise.all(lives);
  } finally {
    ended.abort();
  }
  return tally;
};
