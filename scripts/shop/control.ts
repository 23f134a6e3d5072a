// POST /control {"recommendations": {"delayMs": 350, "useful": false}} makes the bad feature bad while the shop runs.
// Answered only to a direct caller on this machine: a visitor who comes through a proxy on the same machine also has
// a loopback address, so that anything that carries a proxy's mark is refused.
import { isIP } from "node:net";
import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context } from "hono";
import { z } from "zod";
import { recommendationsSchema, type RecommendationSettings } from "./recommendations.ts";

const controlSchema = z.strictObject({ recommendations: recommendationsSchema.partial() });

const PROXY_MARKS = [
  "sluice-unit",
  "sluice-features",
  "forwarded",
  "via",
  "x-forwarded-for",
  "cf-connecting-ip",
];

const isLoopback = (address: string | undefined): boolean => {
  if (!address) return false;
  const bare = address.replace(/^::ffff:/, "");
  return bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
};

const problem = (c: Context, status: 400 | 403 | 415, title: string, detail: string) =>
  c.json({ title, status, detail }, status, { "content-type": "application/problem+json" });

/** Answers 200 with the settings now in force; 403 to others than loopback, 415 and 400 to what it cannot read. */
export const makeControl =
  (change: (settings: Partial<RecommendationSettings>) => RecommendationSettings) =>
  async (c: Context): Promise<Response> => {
    const proxied = PROXY_MARKS.some((name) => c.req.header(name) !== undefined);
    if (proxied || !isLoopback(getConnInfo(c).remote.address)) {
      return problem(c, 403, "Forbidden", "The control answers direct calls from this machine only.");
    }
    // A page on another site cannot send this type without asking first, and the shop grants no such question.
    if (!c.req.header("content-type")?.startsWith("application/json")) {
      return problem(c, 415, "Unsupported Media Type", "Send application/json.");
    }
    const parsed = controlSchema.safeParse(await c.req.json<unknown>().catch(() => undefined));
    if (!parsed.success) return problem(c, 400, "Bad Request", z.prettifyError(parsed.error));
    const { delayMs, useful } = parsed.data.recommendations;
    const changed = {
      ...(delayMs === undefined ? {} : { delayMs }),
      ...(useful === undefined ? {} : { useful }),
    };
    return c.json({ recommendations: change(changed) });
  };
