// API tokens as the database has them. A token is 256 random bits, so its SHA-256 is as safe as a slow hash; the token itself
// is shown once and stored nowhere.
import { z } from "zod";
import { pageOf } from "../db/page.ts";
import type { Queryable } from "../db/pool.ts";

export const TokenScope = z.enum(["viewer", "editor", "admin", "ingest"]);
export type TokenScope = z.infer<typeof TokenScope>;

const ApiToken = z.object({
  tokenId: z.string(),
  name: z.string(),
  /** Whom it was made for by a sign-in; null: it stands for itself. */
  holder: z.string().nullable(),
  scope: TokenScope,
  /** null: any feature. */
  tags: z.array(z.string()).nullable(),
  createdAt: z.date(),
  createdBy: z.string(),
  /** null: it never does. */
  expiresAt: z.date().nullable(),
  /** Within a minute; null: never used. */
  lastUsedAt: z.date().nullable(),
  revokedAt: z.date().nullable(),
  revokedBy: z.string().nullable(),
});
export type ApiToken = z.infer<typeof ApiToken>;

const columns = `token_id as "tokenId", name, holder, scope, tags, created_at as "createdAt", created_by as "createdBy",
  expires_at as "expiresAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt", revoked_by as "revokedBy"`;

export type NewToken = {
  readonly name: string;
  readonly scope: TokenScope;
  readonly tags: readonly string[] | null;
  readonly expiresAt: Date | null;
  /** Of a token that a person got by a sign-in. */
  readonly person?: TokenPerson;
};

export type TokenPerson = {
  /** As the audit names them. */
  readonly holder: string;
  /** null: not by a provider. */
  readonly issuer: string | null;
  readonly subject: string | null;
};

/** null: a token that is not revoked has the name already. */
export const insertToken = async (
  db: Queryable,
  { name, scope, tags, expiresAt, person }: NewToken,
  { tokenId, digest, actor }: { tokenId: string; digest: Buffer; actor: string },
): Promise<ApiToken | null> => {
  const { rows } = await db.query(
    `insert into api_tokens (token_id, digest, name, scope, tags, expires_at, created_by, holder, issuer, subject)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict do nothing
     returning ${columns}`,
    [
      tokenId,
      digest,
      name,
      scope,
      tags,
      expiresAt,
      actor,
      person?.holder ?? null,
      person?.issuer ?? null,
      person?.subject ?? null,
    ],
  );
  return rows[0] === undefined ? null : ApiToken.parse(rows[0]);
};

export type TokenQuery = { readonly limit: number; readonly after?: string | undefined };

/** Revoked ones too, by id. */
export const listTokens = async (db: Queryable, { limit, after = "" }: TokenQuery) => {
  const { rows } = await db.query(
    `select ${columns} from api_tokens where token_id > $1 order by token_id limit $2`,
    [after, limit + 1],
  );
  return pageOf(
    rows.map((row) => ApiToken.parse(row)),
    limit,
    ({ tokenId }) => tokenId,
  );
};

/** false: there is no such token, or it is revoked already. */
export const revokeToken = async (db: Queryable, tokenId: string, actor: string): Promise<boolean> => {
  const { rowCount } = await db.query(
    `update api_tokens set revoked_at = now(), revoked_by = $2 where token_id = $1 and revoked_at is null`,
    [tokenId, actor],
  );
  return rowCount === 1;
};

/** Revokes the tokens of a person at the provider that may do more than `scope` now; null: all of them. Gives their ids. */
export const revokeTokensAbove = async (
  db: Queryable,
  { issuer, subject, scope }: { issuer: string; subject: string; scope: TokenScope | null },
  by: string,
): Promise<string[]> => {
  const { rows } = await db.query(
    `update api_tokens set revoked_at = now(), revoked_by = $4
     where issuer = $1 and subject = $2 and revoked_at is null
       and ($3::text is null
         or array_position('{viewer,editor,admin}', scope) > array_position('{viewer,editor,admin}', $3))
     returning token_id as "tokenId"`,
    [issuer, subject, scope, by],
  );
  return rows.map((row) => z.object({ tokenId: z.string() }).parse(row).tokenId);
};

/** The token with this digest if it may be used now. */
export const findUsableToken = async (db: Queryable, digest: Buffer): Promise<ApiToken | null> => {
  const { rows } = await db.query(
    `select ${columns} from api_tokens
     where digest = $1 and revoked_at is null and (expires_at is null or expires_at > now())`,
    [digest],
  );
  return rows[0] === undefined ? null : ApiToken.parse(rows[0]);
};

/** Once a minute is enough: who uses a token often would else write often. */
export const noteUse = async (db: Queryable, tokenId: string): Promise<void> => {
  await db.query(
    `update api_tokens set last_used_at = now()
     where token_id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
    [tokenId],
  );
};
