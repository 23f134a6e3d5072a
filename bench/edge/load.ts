// Visitors of fifty pages, whose answers nobody reads.
import { once } from "node:events";
import { makeBrowsers } from "../browsers.ts";

export type Visitors = {
  /** Everyone's first visit, in which each gets a cookie. */
  readonly arrive: () => Promise<void>;
  /** `count` requests of one visitor after another; requests a second. */
  readonly visit: (count: number) => Promise<number>;
  /** Answers so far that were not 200. */
  readonly failed: () => number;
};

export const makeVisitors = (url: string, howMany: number, atOnce: number): Visitors => {
  const { open, visitInTurn, failed } = makeBrowsers(url, howMany, atOnce);
  const visit = (visitor: number): Promise<void> =>
    open(visitor, `/products/${visitor % 50}`, async (response) => {
      await once(response.resume(), "end");
    });
  return {
    failed,
    arrive: async () => {
      await visit(0);
      await visitInTurn(howMany, visit);
    },
    visit: async (count) => {
      const began = performance.now();
      await visitInTurn(count, visit);
      return (count / (performance.now() - began)) * 1_000;
    },
  };
};
