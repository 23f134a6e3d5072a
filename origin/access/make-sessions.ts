// Begins, finds and ends sessions, and makes the codes that begin one. The admin API and sign-in ask it.
import { createHash, hash, randomBytes } from "node:crypto";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import type { Queryable } from "../db/pool.ts";
import { sameSecret } from "../runtime/secrets.ts";
import {
  endProviderSessions,
  endSession,
  endSessionsOf,
  insertSession,
  isSessionOpen,
  listSessions,
  useSession,
  type NewSession,
  type ProviderSessions,
  type SessionKey,
  type SessionQuery,
} from "./sessions.ts";
import { insertCode, readCode, useCode, type SignInCode } from "./sign-in-codes.ts";
import { signText, verifyText } from "./signed-text.ts";

const digestOf = (text: string): Buffer => hash("sha256", text, "buffer");
const random = (): string => randomBytes(32).toString("base64url");
const MAX_USER_AGENT = 300;

export type Sessions = ReturnType<typeof makeSessions>;

/** `adminToken`: ADMIN_TOKEN of this process. What was made with another one is no good here. */
export const makeSessions = ({
  pool,
  keys,
  adminToken,
}: {
  pool: Queryable;
  keys: KeyRing;
  adminToken: string | undefined;
}) => {
  const boundTo = digestOf(adminToken ?? "").toString("base64url");
  const ofAdmin = `session of ADMIN_TOKEN ${boundTo}` as const;
  const isOfAdminToken = (given: { tokenId: string | null; issuer: string | null }): boolean =>
    given.tokenId === null && given.issuer === null;

  const keyOf = (cookie: string): SessionKey | null => {
    const id = verifyText(keys, "session", cookie);
    if (id !== null) return { digest: digestOf(id), ofAdminToken: false };
    const adminsId = adminToken === undefined ? null : verifyText(keys, ofAdmin, cookie);
    return adminsId === null ? null : { digest: digestOf(adminsId), ofAdminToken: true };
  };
  /** A code that was made with ADMIN_TOKEN is found by both. */
  const adminsCode = (code: string): Buffer => digestOf(`${code} ${boundTo}`);

  return {
    /** A new id with every sign-in, whatever cookie came with it. Gives the cookie's value. */
    begin: async (session: NewSession): Promise<string> => {
      const id = random();
      await insertSession(
        pool,
        { ...session, userAgent: session.userAgent?.slice(0, MAX_USER_AGENT).toWellFormed() ?? null },
        { sessionId: `ses_${randomBytes(9).toString("hex")}`, digest: digestOf(id) },
      );
      return signText(keys, isOfAdminToken(session) ? ofAdmin : "session", id);
    },
    /** null: nobody's cookie, or the session has ended. Throws when the database cannot be asked. */
    find: async (cookie: string) => {
      const key = keyOf(cookie);
      return key === null ? null : useSession(pool, key);
    },
    /** Whether it could still be found, without using it: a page that only listens does not keep its session. */
    isOpen: async (cookie: string): Promise<boolean> => {
      const key = keyOf(cookie);
      return key !== null && (await isSessionOpen(pool, key));
    },
    /** What pages of the session send back with a change. */
    csrfToken: (cookie: string): string =>
      signText(keys, "csrf", createHash("sha256").update(cookie).digest("base64url")),
    isCsrfToken: (cookie: string, given: string): boolean => {
      const signed = verifyText(keys, "csrf", given);
      return signed !== null && sameSecret(signed, createHash("sha256").update(cookie).digest("base64url"));
    },
    /** What the browser keeps of a sign-in that it has begun elsewhere. */
    signAttempt: (text: string): string =>
      signText(keys, "sign-in", Buffer.from(text, "utf8").toString("base64url")),
    /** null: none of ours. */
    readAttempt: (cookie: string): string | null => {
      const text = verifyText(keys, "sign-in", cookie);
      return text === null ? null : Buffer.from(text, "base64url").toString("utf8");
    },
    list: (query: SessionQuery) => listSessions(pool, query),
    end: (sessionId: string, by: string) => endSession(pool, sessionId, by),
    endAllOf: (actor: string, by: string) => endSessionsOf(pool, actor, by),
    endOfProvider: (which: ProviderSessions, by: string) => endProviderSessions(pool, which, by),
    /** The code is shown this once. */
    makeCode: async (code: Omit<SignInCode, "expiresAt">) => {
      const secret = random();
      const digest = isOfAdminToken(code) ? adminsCode(secret) : digestOf(secret);
      return { code: secret, expiresAt: await insertCode(pool, digest, code) };
    },
    readCode: async (code: string, purpose: SignInCode["purpose"]) =>
      (await readCode(pool, digestOf(code), purpose)) ?? readCode(pool, adminsCode(code), purpose),
    useCode: async (code: string, purpose: SignInCode["purpose"]) =>
      (await useCode(pool, digestOf(code), purpose)) ?? useCode(pool, adminsCode(code), purpose),
  };
};
