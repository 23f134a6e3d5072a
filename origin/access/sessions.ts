// Sessions as the database has them. Every admin process asks it at each request, so that an ended session is ended everywhere
// at once. One that was made with a token does what the token may now, and ends with it.
import { z } from "zod";
import { pageOf } from "../db/page.ts";
import type { Queryable } from "../db/pool.ts";

/** From the sign-in on. A role that was taken away at the provider is held no longer than this. */
const LONGEST = "8 hours";
/** Without a request. */
const IDLE = "1 hour";
/** Rows of ended sessions are kept so long, for whoever looks into who was there. */
const KEEP_ENDED = "30 days";

export const SessionMethod = z.enum(["token", "link", "oidc"]);

const Session = z.object({
  sessionId: z.string(),
  actor: z.string(),
  scope: z.enum(["viewer", "editor", "admin"]),
  tags: z.array(z.string()).readonly().nullable(),
  method: SessionMethod,
  tokenId: z.string().nullable(),
  issuer: z.string().nullable(),
  subject: z.string().nullable(),
  userAgent: z.string().nullable(),
  createdAt: z.date(),
  /** Within a minute. */
  lastSeenAt: z.date(),
  /** Whether it is used or not. */
  expiresAt: z.date(),
  /** Unless it is used before. */
  idleUntil: z.date(),
});
export type Session = z.infer<typeof Session>;

/** Who signs in. */
export type NewSession = Pick<Session, "actor" | "scope" | "tags" | "method" | "tokenId" | "userAgent"> & {
  readonly issuer: string | null;
  readonly subject: string | null;
  readonly providerSession: string | null;
  readonly idToken: string | null;
};

const columns = `s.session_id as "sessionId", s.actor, coalesce(t.scope, s.scope) as scope,
  case when s.token_id is null then s.tags else t.tags end as tags, s.method, s.token_id as "tokenId", s.issuer, s.subject,
  s.user_agent as "userAgent", s.created_at as "createdAt", s.last_seen_at as "lastSeenAt",
  least(s.expires_at, t.expires_at) as "expiresAt",
  least(s.last_seen_at + interval '${IDLE}', s.expires_at, t.expires_at) as "idleUntil"`;

const isOpen = `s.ended_at is null and s.expires_at > now() and s.last_seen_at > now() - interval '${IDLE}'
  and (s.token_id is null or (t.revoked_at is null and (t.expires_at is null or t.expires_at > now())))`;

const from = "from sessions s left join api_tokens t on t.token_id = s.token_id";

export const insertSession = async (
  db: Queryable,
  session: NewSession,
  { sessionId, digest }: { sessionId: string; digest: Buffer },
): Promise<void> => {
  await db.query(`delete from sessions where expires_at < now() - interval '${KEEP_ENDED}'`);
  await db.query(
    `insert into sessions (session_id, digest, actor, scope, tags, method, token_id, issuer, subject, provider_session,
       id_token, user_agent, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now() + interval '${LONGEST}')`,
    [
      sessionId,
      digest,
      session.actor,
      session.scope,
      session.tags,
      session.method,
      session.tokenId,
      session.issuer,
      session.subject,
      session.providerSession,
      session.idToken,
      session.userAgent,
    ],
  );
};

/** Neither a token of the database nor a provider stands behind it. */
const isOfAdminToken = "(s.token_id is null and s.issuer is null)";

/** By the id of a cookie, and whether the cookie is one of the present ADMIN_TOKEN. */
export type SessionKey = { readonly digest: Buffer; readonly ofAdminToken: boolean };

/** The session with this digest if it may be used now. It is used by this: its idle time begins again. */
export const useSession = async (
  db: Queryable,
  { digest, ofAdminToken }: SessionKey,
): Promise<Session | null> => {
  const { rows } = await db.query(
    `select ${columns} ${from} where s.digest = $1 and ${isOfAdminToken} = $2 and ${isOpen}`,
    [digest, ofAdminToken],
  );
  if (rows[0] === undefined) return null;
  // Once a minute is enough: a page that follows events would else write with each request.
  await db.query(
    `update sessions set last_seen_at = now()
     where digest = $1 and last_seen_at < now() - interval '1 minute' and ended_at is null`,
    [digest],
  );
  return Session.parse(rows[0]);
};

/** Whether the session with this digest may be used now. It is not used by this. */
export const isSessionOpen = async (
  db: Queryable,
  { digest, ofAdminToken }: SessionKey,
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `select ${from} where s.digest = $1 and ${isOfAdminToken} = $2 and ${isOpen}`,
    [digest, ofAdminToken],
  );
  return rowCount === 1;
};

export type SessionQuery = { readonly limit: number; readonly after?: string | undefined };

/** Those that can be used, by id. */
export const listSessions = async (db: Queryable, { limit, after = "" }: SessionQuery) => {
  const { rows } = await db.query(
    `select ${columns} ${from} where s.session_id > $1 and ${isOpen} order by s.session_id limit $2`,
    [after, limit + 1],
  );
  return pageOf(
    rows.map((row) => Session.parse(row)),
    limit,
    ({ sessionId }) => sessionId,
  );
};

export type EndedSession = { readonly issuer: string | null; readonly idToken: string | null };

/** null: there is no such session, or it has ended already. */
export const endSession = async (
  db: Queryable,
  sessionId: string,
  by: string,
): Promise<EndedSession | null> => {
  const { rows } = await db.query(
    `with found as (
       select session_id, issuer, id_token from sessions where session_id = $1 and ended_at is null for update
     )
     update sessions s set ended_at = now(), ended_by = $2, id_token = null
     from found where s.session_id = found.session_id
     returning found.issuer, found.id_token as "idToken"`,
    [sessionId, by],
  );
  return rows[0] === undefined
    ? null
    : z.object({ issuer: z.string().nullable(), idToken: z.string().nullable() }).parse(rows[0]);
};

/** Ends all sessions of the actor, those of a revoked token too. Gives how many could be used. */
export const endSessionsOf = async (db: Queryable, actor: string, by: string): Promise<number> => {
  const { rows } = await db.query<{ count: number }>(
    `with usable as (select s.session_id ${from} where s.actor = $1 and ${isOpen}),
     ended as (
       update sessions set ended_at = now(), ended_by = $2, id_token = null where actor = $1 and ended_at is null
     )
     select count(*)::integer as count from usable`,
    [actor, by],
  );
  return rows[0]?.count ?? 0;
};

export type ProviderSessions = {
  readonly issuer: string;
  /** At least one of the two. */
  readonly subject: string | null;
  readonly providerSession: string | null;
  /** Those alone that may do more than this; null: all. */
  readonly above: Session["scope"] | null;
};

/** Ends the sessions of a person at the provider, or those of one sign-in there. Gives how many. */
export const endProviderSessions = async (
  db: Queryable,
  { issuer, subject, providerSession, above }: ProviderSessions,
  by: string,
): Promise<number> => {
  const { rowCount } = await db.query(
    `update sessions set ended_at = now(), ended_by = $4, id_token = null
     where ended_at is null and issuer = $1 and ($2::text is not null or $3::text is not null)
       and ($2::text is null or subject = $2) and ($3::text is null or provider_session = $3)
       and ($5::text is null
         or array_position('{viewer,editor,admin}', scope) > array_position('{viewer,editor,admin}', $5))`,
    [issuer, subject, providerSession, by, above],
  );
  return rowCount ?? 0;
};
