// Finds out who holds a token, and makes and revokes tokens. The admin API and ingest ask it.
import { hash, randomBytes } from "node:crypto";
import type { Queryable } from "../db/pool.ts";
import { sameSecret } from "../runtime/secrets.ts";
import type { Caller, Principal } from "./principal.ts";
import {
  findUsableToken,
  insertToken,
  listTokens,
  noteUse,
  revokeToken,
  revokeTokensAbove,
  type ApiToken,
  type NewToken,
  type TokenQuery,
  type TokenScope,
} from "./tokens.ts";

/** Secret scanners know a token by its beginning. */
const PREFIX = "sluice_";
/** A token that was revoked works at most so long at a process that has just seen it. */
const REMEMBER_MS = 5_000;
const MAX_REMEMBERED = 10_000;

export type Access = ReturnType<typeof makeAccess>;

const digestOf = (token: string): Buffer => hash("sha256", token, "buffer");

const callerOf = ({ tokenId, name, holder, scope, tags, expiresAt }: ApiToken): Caller => ({
  principal: { actor: holder ?? `token:${name}`, scope, tags },
  credential: { kind: "token", tokenId, name, expiresAt },
});

type Remembered = { readonly token: ApiToken; readonly untilMs: number };

/** `adminToken`: the bootstrap token; undefined where this process has no admin API. `nowMs`: a monotonic clock. */
export const makeAccess = (options: {
  pool: Queryable;
  adminToken: string | undefined;
  nowMs: () => number;
  /** Only programs of this machine reach the origin: one person's trial, in which ADMIN_TOKEN is no mistake. */
  isLocal?: boolean;
  log: Record<"info" | "warn" | "error", (facts: object, message: string) => void>;
}) => {
  const { pool, adminToken, nowMs, isLocal = false, log } = options;
  const remembered = new Map<string, Remembered>();
  let warned = false;

  const findToken = async (token: string): Promise<ApiToken | null> => {
    const known = remembered.get(token);
    if (known !== undefined && known.untilMs > nowMs()) return known.token;
    const found = await findUsableToken(pool, digestOf(token));
    if (found === null) {
      remembered.delete(token);
      return null;
    }
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    const expiresInMs = (found.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now();
    remembered.set(token, { token: found, untilMs: nowMs() + Math.min(REMEMBER_MS, expiresInMs) });
    noteUse(pool, found.tokenId).catch((error: unknown) =>
      log.error({ err: error, token: found.tokenId }, "the last use of a token could not be stored"),
    );
    return found;
  };

  /** null: the token is unknown, expired or revoked. Throws when the database cannot be asked. */
  const findCaller = async (token: string): Promise<Caller | null> => {
    if (adminToken !== undefined && sameSecret(token, adminToken)) {
      if (!warned)
        log[isLocal ? "info" : "warn"](
          {},
          "ADMIN_TOKEN was used: it may do everything and names nobody; make tokens with POST /admin/v1/tokens",
        );
      warned = true;
      return {
        principal: { actor: "admin", scope: "admin", tags: null },
        credential: { kind: "adminToken" },
      };
    }
    if (!token.startsWith(PREFIX)) return null;
    const found = await findToken(token);
    return found === null ? null : callerOf(found);
  };

  const forget = (tokenId: string): void => {
    for (const [secret, { token }] of remembered) if (token.tokenId === tokenId) remembered.delete(secret);
  };

  return {
    /** Whether the token was good when it was used last, at this process. */
    hasSeen: (token: string): boolean =>
      remembered.has(token) || (adminToken !== undefined && sameSecret(token, adminToken)),
    callerOf: findCaller,
    principalOf: async (token: string): Promise<Principal | null> =>
      (await findCaller(token))?.principal ?? null,
    /** The token in `secret` is shown this once. null: another token has the name. */
    createToken: async (token: NewToken, actor: string) => {
      const secret = `${PREFIX}${randomBytes(32).toString("base64url")}`;
      const tokenId = `tok_${randomBytes(9).toString("hex")}`;
      const created = await insertToken(pool, token, { tokenId, digest: digestOf(secret), actor });
      if (created === null) return null;
      // To be looked up with its first use, and known before: whoever has just made it must not wait for others' mistakes.
      remembered.set(secret, { token: created, untilMs: nowMs() });
      return { ...created, secret };
    },
    listTokens: (query: TokenQuery) => listTokens(pool, query),
    /** false: there is no such token, or it is revoked already. */
    revokeToken: async (tokenId: string, actor: string): Promise<boolean> => {
      forget(tokenId);
      return revokeToken(pool, tokenId, actor);
    },
    /** What a person's tokens could do beyond their role of now; `scope` null: they have none. */
    revokeTokensAbove: async (
      person: { issuer: string; subject: string; scope: TokenScope | null },
      by: string,
    ): Promise<number> => {
      const revoked = await revokeTokensAbove(pool, person, by);
      for (const tokenId of revoked) forget(tokenId);
      return revoked.length;
    },
  };
};
