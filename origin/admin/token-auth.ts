// Who may call the admin API: the holder of the bootstrap token.
import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { problem } from "./problem.ts";

/** Compares in constant time, whatever the lengths. */
export const sameSecret = (given: string, expected: string): boolean => {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
};

/** The token of an `Authorization: Bearer …` header; undefined when there is none. */
export const bearerToken = (header: string | undefined): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];

export const requireToken =
  (expected: string): MiddlewareHandler =>
  async (context, next) => {
    const given = bearerToken(context.req.header("authorization"));
    if (given !== undefined && sameSecret(given, expected)) return next();
    context.header("www-authenticate", 'Bearer realm="sluice"');
    return problem(context, {
      status: 401,
      title: "Unauthorized",
      detail: given === undefined ? "an Authorization: Bearer header is required" : "the token is not valid",
    });
  };
