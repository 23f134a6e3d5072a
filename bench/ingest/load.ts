// Sends requests at a steady rate, or as fast as a number of connections allows, and times the answers.
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Requests } from "./requests.ts";

export type LoadResult = {
  acked: number;
  failed: number;
  seconds: number;
  /** ms from the moment a request was due to its answer, sorted */
  latencies: number[];
};

const post = (agent: Agent, url: URL, token: string, body: Buffer): Promise<number> =>
  new Promise((resolve) => {
    const sent = request(
      url,
      {
        agent,
        method: "POST",
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/x-protobuf",
          "content-length": body.length,
        },
      },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
        response.on("error", () => resolve(0));
      },
    );
    sent.on("error", () => resolve(0));
    sent.end(body);
  });

/** Lets `count` at a time go on; the others wait in line. */
const makePlaces = (count: number) => {
  const waiting: (() => void)[] = [];
  let left = count;
  return {
    take: async (): Promise<void> => {
      if (left > 0) left--;
      else await new Promise<void>((wake) => waiting.push(wake));
    },
    giveBack: (): void => {
      const next = waiting.shift();
      if (next === undefined) left++;
      else next();
    },
  };
};

/**
 * With `requestsPerSecond` the load is open: a request is due at its time whether or not the ones before are answered,
 * so waiting counts. Without, `connections` requests are always under way.
 */
export const runLoad = async (options: {
  url: string;
  token: string;
  requests: Requests;
  spansPerRequest: number;
  seconds: number;
  connections: number;
  requestsPerSecond?: number;
  stop?: AbortSignal;
}): Promise<LoadResult> => {
  const { requests, token, seconds, connections, requestsPerSecond, spansPerRequest, stop } = options;
  const url = new URL("/v1/traces", options.url);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const free = makePlaces(connections);
  const result: LoadResult = { acked: 0, failed: 0, seconds: 0, latencies: [] };
  const begunAt = performance.now();
  const isOver = (): boolean => stop?.aborted === true || performance.now() - begunAt >= seconds * 1_000;

  const send = async (dueAt: number): Promise<void> => {
    await free.take();
    const body = requests.take();
    const status = await post(agent, url, token, body.body);
    requests.giveBack(body);
    free.giveBack();
    result.latencies.push(performance.now() - dueAt);
    if (status === 200) result.acked += spansPerRequest;
    else result.failed += spansPerRequest;
  };

  if (requestsPerSecond === undefined) {
    const keepSending = async (): Promise<void> => {
      while (!isOver()) await send(performance.now());
    };
    await Promise.all(Array.from({ length: connections }, keepSending));
  } else {
    const pending = new Set<Promise<void>>();
    for (let n = 0; !isOver(); n++) {
      const dueAt = begunAt + (n * 1_000) / requestsPerSecond;
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const sending = send(dueAt).finally(() => pending.delete(sending));
      pending.add(sending);
    }
    await Promise.all(pending);
  }
  result.seconds = (performance.now() - begunAt) / 1_000;
  result.latencies.sort((a, b) => a - b);
  agent.destroy();
  return result;
};
