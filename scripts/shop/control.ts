// POST /control {"recommendations": {"delayMs": 350, "useful": false}} makes the bad feature bad while the shop runs.
// Answered only to a caller on this machine who knows the token: a visitor who comes through a gate on the same
// machine has a loopback address too.
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context } from "hono";
import { z } from "zod";
import { recommendationsSchema, type RecommendationSettings } from "./recommendations.ts";

const controlSchema = z.strictObject({ recommendations: recommendationsSchema.partial() });

const isLoopback = (address: string | undefined): boolean => {
  if (!address) return false;
  const bare = address.replace(/^::ffff:/, "");
  return bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const problem = (c: Context, status: 400 | 401 | 403 | 415, title: string, detail: string) =>
  c.json({ title, status, detail }, status, { "content-type": "application/problem+json" });

interface ControlParts {
  /** Expected as `Authorization: Bearer <token>`. */
  readonly token: string;
  /** Returns the settings then in force. */
  readonly change: (settings: Partial<RecommendationSettings>) => RecommendationSettings;
}

/** Answers 200 with the settings now in force; 403 to other machines, 401 without the token, 415 and 400 to the rest. */
export const makeControl =
  ({ token, change }: ControlParts) =>
  async (c: Context): Promise<Response> => {
    if (!isLoopback(getConnInfo(c).remote.address)) {
      return problem(c, 403, "Forbidden", "The control answers calls from this machine only.");
    }
    if (!timingSafeEqual(digest(c.req.header("authorization") ?? ""), digest(`Bearer ${token}`))) {
      return problem(c, 401, "Unauthorized", "Send the bearer token that the shop was started with.");
    }
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
