// Browsers that visit a site over kept-alive connections, each with cookies of its own, so many at a time.
import { Agent, request, type IncomingMessage } from "node:http";

const AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

export type Browsers = {
  /** One page, in the browser of this number. Without a cookie it is a new visitor's. */
  readonly open: <T>(
    browser: number,
    path: string,
    read: (response: IncomingMessage) => Promise<T>,
  ) => Promise<T>;
  /** One visit of each of the next `count` browsers, in their order, and then from the first one again. */
  readonly visitInTurn: (count: number, visit: (browser: number) => Promise<void>) => Promise<void>;
  /** Answers so far that were not 200. */
  readonly failed: () => number;
};

export const makeBrowsers = (url: string, howMany: number, atOnce: number): Browsers => {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const cookies = new Map<number, string>();
  let next = 0;
  let failed = 0;
  return {
    failed: () => failed,
    open: (browser, path, read) =>
      new Promise((resolve, reject) => {
        const cookie = cookies.get(browser);
        const headers = {
          "User-Agent": AGENT,
          Accept: "text/html,application/xhtml+xml",
          "Accept-Language": "en",
          ...(cookie === undefined ? {} : { Cookie: cookie }),
        };
        const sent = request({ hostname, port, path, headers, agent }, (response) => {
          if (response.statusCode !== 200) failed += 1;
          const set = response.headers["set-cookie"]?.map((line) => line.split(";")[0]).join("; ");
          if (set !== undefined) cookies.set(browser, set);
          read(response).then(resolve, reject);
        });
        sent.on("error", reject).end();
      }),
    visitInTurn: async (count, visit) => {
      let left = count;
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          next = (next + 1) % howMany;
          await visit(next);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    },
  };
};
