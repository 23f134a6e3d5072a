// Visitors at a steady rate, each request a new one; reports when one was answered and which features upstream was told.
import { Agent, request } from "node:http";

export type VisitorAnswer = {
  /** performance.now() when the request was sent and when its answer had come. */
  readonly sentAt: number;
  readonly answeredAt: number;
  /** The upstream's header: "feat_a=treatment, feat_b=holdout". */
  readonly features: string;
};

/** A client that does not name itself is nobody's visit. */
const headers = { "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };

export const startVisitors = (url: string, perSecond: number) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const listeners = new Set<(answer: VisitorAnswer) => void>();
  let failed = 0;

  const visit = () => {
    const sentAt = performance.now();
    const sent = request(url, { agent, headers }, (response) => {
      let features = "";
      response.setEncoding("latin1");
      response.on("data", (chunk: string) => {
        features += chunk;
      });
      response.on("end", () => {
        const answer = { sentAt, answeredAt: performance.now(), features };
        for (const listener of listeners) listener(answer);
      });
    });
    sent.on("error", () => {
      failed += 1;
    });
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
    stop: () => {
      clearInterval(timer);
      agent.destroy();
    },
  };
};
