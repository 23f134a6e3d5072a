// Visitors at a steady rate, each request a new one; reports when one was answered and which features upstream was told.
import { Agent, request, type ClientRequest } from "node:http";

export type VisitorAnswer = {
  /** performance.now() when the request was sent and when its answer had come. */
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly status: number;
  /** The upstream's header: "feat_a=treatment, feat_b=holdout". */
  readonly features: string;
};

const ANSWER_MS = 10_000;
/** A client that does not name itself is nobody's visit. */
const headers = { "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };

/** `onFailed`: hears of each request that has no answer. */
export const startVisitors = (
  url: string,
  perSecond: number,
  onFailed: (failure: { sentAt: number; error: Error }) => void = () => {},
) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const listeners = new Set<(answer: VisitorAnswer) => void>();
  let failed = 0;
  const underWay = new Set<ClientRequest>();

  const visit = () => {
    const sentAt = performance.now();
    const sent = request(url, { agent, headers }, (response) => {
      let features = "";
      response.setEncoding("latin1");
      response.on("data", (chunk: string) => {
        features += chunk;
      });
      response.on("end", () => {
        const answer = {
          sentAt,
          answeredAt: performance.now(),
          status: response.statusCode ?? 0,
          features,
        };
        for (const listener of listeners) listener(answer);
      });
    });
    sent.on("error", (error) => {
      failed += 1;
      onFailed({ sentAt, error });
    });
    underWay.add(sent);
    sent.on("close", () => underWay.delete(sent));
    sent.setTimeout(ANSWER_MS, () => sent.destroy(new Error(`no answer for ${ANSWER_MS} ms`)));
    sent.end();
  };

  // A timer that is late makes up for it, so that the rate holds.
  const startedAt = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
    for (; sent < due; sent += 1) visit();
  }, 1);

  return {
    /** The first answer for which `matches` holds; fails after `withinMs`. */
    first: (matches: (answer: VisitorAnswer) => boolean, withinMs = 30_000): Promise<VisitorAnswer> =>
      new Promise((resolve, reject) => {
        const end = () => {
          clearTimeout(deadline);
          listeners.delete(listener);
        };
        const deadline = setTimeout(() => {
          end();
          reject(new Error(`no such answer within ${withinMs} ms`));
        }, withinMs);
        const listener = (answer: VisitorAnswer) => {
          if (!matches(answer)) return;
          end();
          resolve(answer);
        };
        listeners.add(listener);
      }),
    /** Hears every answer until the returned function is called. */
    watch: (listener: (answer: VisitorAnswer) => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    failed: () => failed,
    /** Sends no more, and returns when all that were sent are answered or have failed. */
    end: async (): Promise<void> => {
      clearInterval(timer);
      while (underWay.size > 0) await new Promise((wake) => setTimeout(wake, 10));
      agent.destroy();
    },
    stop: () => {
      clearInterval(timer);
      agent.destroy();
    },
  };
};
