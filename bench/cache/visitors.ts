// People who look at the pages of a shop, and what the shop and its page say to each.
import type { IncomingMessage } from "node:http";
import { makeBrowsers } from "../browsers.ts";

const PAGES = 50;

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

const textOf = async (response: IncomingMessage): Promise<string> => {
  let body = "";
  for await (const part of response.setEncoding("latin1")) body += part;
  return body;
};

export const makeVisitors = (url: string, howMany: number, atOnce: number): Visitors => {
  const { open, visitInTurn, failed } = makeBrowsers(url, howMany, atOnce);

  const visitOf = async (visitor: number): Promise<Visit> => {
    // Which page a visitor looks at must have nothing to do with their order, and so with their page of before.
    const path = `/products/${(visitor * 7_919) % PAGES}`;
    const body = await open(visitor, path, textOf);
    const told = /<!--told (.*?)-->/.exec(body)?.[1] ?? "";
    return { visitor, path, told, isOpen: body.includes("New.") };
  };

  return {
    visitOf,
    failed,
    visit: async (count) => {
      const visits: Visit[] = [];
      await visitInTurn(count, async (visitor) => void visits.push(await visitOf(visitor)));
      return visits;
    },
  };
};
