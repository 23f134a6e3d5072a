// Clients that send telemetry as OTLP asks: the same bytes again until they are acknowledged.
import { setTimeout as sleep } from "node:timers/promises";
import { spanKeyOf } from "./find-spans.ts";
import { jsonRequest, newUnit, type TestSpan } from "../support/otlp-spans.ts";

const SPANS = 20;
const SENDERS = 4;
/** People who come again. Of fewer the fold would leave out some requests, as too many of one person. */
const REGULARS = 50_000;
const ANSWER_MS = 10_000;
/** After the last fault every request is acknowledged by then. */
const ACKNOWLEDGED_MS = 60_000;

/** `urls`: the processes that take telemetry. */
export const startClients = ({
  urls,
  token,
  feature,
}: {
  urls: readonly string[];
  token: string;
  feature: string;
}) => {
  const units = new Set<string>();
  const keys = new Set<string>();
  let [acked, retries] = [0, 0];
  const enough = new AbortController();
  const givenUp = new AbortController();
  let answer = "none yet";

  const post = async (body: string): Promise<boolean> => {
    try {
      const response = await fetch(`${urls[Math.floor(Math.random() * urls.length)]}/v1/traces`, {
        method: "POST",
        body,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const text = await response.text();
      if (response.status === 200) return true;
      answer = `${response.status} ${text}`;
    } catch (error) {
      answer = String(error);
    }
    return false;
  };

  const send = async (): Promise<void> => {
    while (!enough.signal.aborted) {
      const spans: TestSpan[] = Array.from({ length: SPANS }, (_, i) => ({
        feature,
        unit: i % 2 === 0 ? newUnit() : `regular ${Math.floor(Math.random() * REGULARS)}`,
        variant: "treatment",
      }));
      const request = jsonRequest(spans);
      const body = JSON.stringify(request);
      while (!(await post(body))) {
        if (givenUp.signal.aborted)
          throw new Error(`a request was not acknowledged; the last answer was: ${answer}`);
        retries++;
        await sleep(100);
      }
      acked += SPANS;
      for (const { scopeSpans } of request.resourceSpans)
        for (const each of scopeSpans) for (const span of each.spans) keys.add(spanKeyOf(span));
      for (const { unit } of spans) if (unit !== undefined) units.add(unit);
      // Now and then a client that did not see the answer sends it all once more.
      if (Math.random() < 0.05 && !(await post(body))) retries++;
      await sleep(10);
    }
  };
  const senders = Promise.all(Array.from({ length: SENDERS }, send));
  senders.catch(() => {});

  return {
    /** Spans acknowledged at last, each sent once or more. */
    acked: () => acked,
    /** Requests sent again because they were refused or their answer was lost. */
    retries: () => retries,
    units: () => units.size,
    /** Keys of all acknowledged spans. */
    keys: (): ReadonlySet<string> => keys,
    /** Ends when each request that was begun is acknowledged. */
    stop: async (): Promise<void> => {
      enough.abort();
      const late = setTimeout(() => givenUp.abort(), ACKNOWLEDGED_MS);
      try {
        await senders;
      } finally {
        clearTimeout(late);
      }
    },
  };
};
