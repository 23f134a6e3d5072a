// One visitor who has the feature and keeps asking for the page: shows when the edge stops giving it to them.
import { setTimeout as sleep } from "node:timers/promises";
import { makeCookieJar } from "./cookie-jar.ts";
import { makeHttpClient } from "./http-client.ts";
import { readMarks } from "./behaviour.ts";

const MAX_TRIES = 200;
const EVERY_MS = 20;
/** A slow page does not hold up the next question, but the questions under way are bounded. */
const MAX_UNDER_WAY = 100;

export type Probe = {
  /** Resolves with the wall-clock time in ms at which the first page without the feature had arrived. */
  readonly lost: Promise<number>;
  /** Asks once more, with the same cookie. */
  readonly hasFeature: () => Promise<boolean>;
  readonly stop: () => void;
};

/** Becomes a visitor in treatment of `featureId` (by coming as a new one until the page shows it), then keeps asking. */
export const startProbe = async (edgeUrl: string, featureId: string, signal: AbortSignal): Promise<Probe> => {
  const client = makeHttpClient({ baseUrl: edgeUrl, maxSockets: MAX_UNDER_WAY, timeoutMs: 10_000 });
  let jar = makeCookieJar();
  const shows = async (): Promise<boolean> => {
    const page = await client.send({ method: "GET", path: "/", cookie: jar.header() });
    jar.keep(page.setCookies, Date.now());
    return readMarks(page.body).some((mark) => mark.split("/")[0] === featureId);
  };
  let found = false;
  for (let tries = 0; !found && tries < MAX_TRIES; tries += 1) {
    signal.throwIfAborted();
    jar = makeCookieJar();
    found = await shows();
  }
  if (!found) throw new Error(`none of ${MAX_TRIES} new visitors was shown ${featureId}`);

  const stop = new AbortController();
  const { promise: lost, resolve, reject } = Promise.withResolvers<number>();
  const ask = async (): Promise<void> => {
    try {
      if (!(await shows())) {
        stop.abort();
        resolve(Date.now());
      }
    } catch (error) {
      if (!stop.signal.aborted) reject(error);
    }
  };
  const keepAsking = async (): Promise<void> => {
    const underWay = new Set<Promise<void>>();
    while (!stop.signal.aborted) {
      if (underWay.size < MAX_UNDER_WAY) {
        const asked: Promise<void> = ask().finally(() => underWay.delete(asked));
        underWay.add(asked);
      }
      await sleep(EVERY_MS);
    }
  };
  void keepAsking();
  return {
    lost,
    hasFeature: shows,
    stop: () => {
      stop.abort();
      client.close();
    },
  };
};
