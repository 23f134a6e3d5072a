// Visitors with their cookies, so many at a time, over kept-alive connections.
import { Agent, request } from "node:http";

export type Visitors = {
  /** Everyone's first visit, in which each gets a cookie. */
  readonly arrive: () => Promise<void>;
  /** `count` requests of one visitor after another; requests a second. */
  readonly visit: (count: number) => Promise<number>;
  /** Answers so far that were not 200. */
  readonly failed: () => number;
};

const AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

export const makeVisitors = (url: string, howMany: number, atOnce: number): Visitors => {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const cookies = new Map<number, string>();
  let next = 0;
  let failed = 0;

  const one = (visitor: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const cookie = cookies.get(visitor);
      const headers = {
        "User-Agent": AGENT,
        Accept: "text/html,application/xhtml+xml",
        "Accept-Language": "en",
        ...(cookie === undefined ? {} : { Cookie: cookie }),
      };
      const sent = request(
        { hostname, port, path: `/products/${visitor % 50}`, headers, agent },
        (response) => {
          if (response.statusCode !== 200) failed += 1;
          const set = response.headers["set-cookie"]?.map((line) => line.split(";")[0]).join("; ");
          if (set !== undefined) cookies.set(visitor, set);
          response.resume().on("end", resolve).on("error", reject);
        },
      );
      sent.on("error", reject).end();
    });

  const run = async (count: number): Promise<void> => {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        next = (next + 1) % howMany;
        await one(next);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  };

  return {
    failed: () => failed,
    arrive: async () => {
      await one(0);
      await run(howMany);
    },
    visit: async (count) => {
      const began = performance.now();
      await run(count);
      return (count / (performance.now() - began)) * 1_000;
    },
  };
};
