// People who look at the pages of a shop, each with a cookie of their own, so many at a time.
import { Agent, request } from "node:http";

const PAGES = 50;
const AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

export type Visit = {
  readonly visitor: number;
  readonly path: string;
  readonly told: string;
  readonly isOpen: boolean;
};

export type Visitors = {
  /** One visit of each of `count` visitors, in their order; without a cookie they are new. */
  readonly visit: (count: number) => Promise<Visit[]>;
  readonly visitOf: (visitor: number) => Promise<Visit>;
  /** Answers so far that were not 200. */
  readonly failed: () => number;
};

export const makeVisitors = (url: string, howMany: number, atOnce: number): Visitors => {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const cookies = new Map<number, string>();
  let next = 0;
  let failed = 0;

  const visitOf = (visitor: number): Promise<Visit> =>
    new Promise((resolve, reject) => {
      // Which page a visitor looks at must have nothing to do with their order, and so with their page of before.
      const path = `/products/${(visitor * 7_919) % PAGES}`;
      const cookie = cookies.get(visitor);
      const headers = {
        "User-Agent": AGENT,
        Accept: "text/html,application/xhtml+xml",
        "Accept-Language": "en",
        ...(cookie === undefined ? {} : { Cookie: cookie }),
      };
      const sent = request({ hostname, port, path, headers, agent }, (response) => {
        if (response.statusCode !== 200) failed += 1;
        const set = response.headers["set-cookie"]?.map((line) => line.split(";")[0]).join("; ");
        if (set !== undefined) cookies.set(visitor, set);
        let body = "";
        response
          .setEncoding("latin1")
          .on("data", (part: string) => (body += part))
          .on("end", () => {
            const told = /<!--told (.*?)-->/.exec(body)?.[1] ?? "";
            resolve({ visitor, path, told, isOpen: body.includes("New.") });
          })
          .on("error", reject);
      });
      sent.on("error", reject).end();
    });

  return {
    visitOf,
    failed: () => failed,
    visit: async (count) => {
      const visits: Visit[] = [];
      let left = count;
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          next = (next + 1) % howMany;
          visits.push(await visitOf(next));
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
      return visits;
    },
  };
};
