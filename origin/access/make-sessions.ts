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
  type SessionQuery,
} from "./sessions.ts";
import { insertCode, readCode, useCode, type SignInCode } from "./sign-in-codes.ts";
import { signText, verifyText } from "./signed-text.ts";

const digestOf = (text: string): Buffer => hash("sha256", text, "buffer");
const random = (): string => randomBytes(32).toString("base64url");
const MAX_USER_AGENT = 300;

export type Sessions = ReturnType<typeof makeSessions>;

export const makeSessions = ({ pool, keys }: { pool: Queryable; keys: KeyRing }) => ({
  /** A new id with every sign-in, whatever cookie came with it. Gives the cookie's value. */
  begin: async (session: NewSession): Promise<string> => {
    const id = random();
    await insertSession(
      pool,
      { ...session, userAgent: session.userAgent?.slice(0, MAX_USER_AGENT).toWellFormed() ?? null },
      { sessionId: `ses_${randomBytes(9).toString("hex")}`, digest: digestOf(id) },
    );
    return signText(keys, "session", id);
  },
  /** null: nobody's cookie, or the session has ended. Throws when the database cannot be asked. */
  find: async (cookie: string) => {
    const id = verifyText(keys, "session", cookie);
    return id === null ? null : useSession(pool, digestOf(id));
  },
  /** Whether it could still be found, without using it: a page that only listens does not keep its session. */
  isOpen: async (cookie: string): Promise<boolean> => {
    const id = verifyText(keys, "session", cookie);
    return id !== null && (await isSessionOpen(pool, digestOf(id)));
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
    return { code: secret, expiresAt: await insertCode(pool, digestOf(secret), code) };
  },
  readCode: (code: string, purpose: SignInCode["purpose"]) => readCode(pool, digestOf(code), purpose),
  useCode: (code: string, purpose: SignInCode["purpose"]) => useCode(pool, digestOf(code), purpose),
});
