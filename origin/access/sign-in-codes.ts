// Codes that sign in once. A code is 256 random bits; the database has its SHA-256.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";

/** A code's life: a link waits for a person, a command line asks at once. */
const LIFE = { link: "5 minutes", cli: "1 minute" } as const;

const SignInCode = z.object({
  purpose: z.enum(["link", "cli"]),
  actor: z.string(),
  scope: z.enum(["viewer", "editor", "admin"]),
  tags: z.array(z.string()).readonly().nullable(),
  tokenId: z.string().nullable(),
  issuer: z.string().nullable(),
  subject: z.string().nullable(),
  /** SHA-256 of the command line's secret. */
  challenge: z.instanceof(Buffer).nullable(),
  machine: z.string().nullable(),
  expiresAt: z.date(),
});
export type SignInCode = z.infer<typeof SignInCode>;

const columns = `purpose, actor, scope, tags, token_id as "tokenId", issuer, subject, challenge, machine,
  expires_at as "expiresAt"`;

/** Gives when it ends. */
export const insertCode = async (
  db: Queryable,
  digest: Buffer,
  code: Omit<SignInCode, "expiresAt">,
): Promise<Date> => {
  await db.query("delete from sign_in_codes where expires_at < now() - interval '1 day'");
  const { rows } = await db.query(
    `insert into sign_in_codes (digest, purpose, actor, scope, tags, token_id, issuer, subject, challenge, machine, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + $11::interval)
     returning ${columns}`,
    [
      digest,
      code.purpose,
      code.actor,
      code.scope,
      code.tags,
      code.tokenId,
      code.issuer,
      code.subject,
      code.challenge,
      code.machine,
      LIFE[code.purpose],
    ],
  );
  return SignInCode.parse(rows[0]).expiresAt;
};

const isGood = `digest = $1 and purpose = $2 and used_at is null and expires_at > now()
  and not exists (
    select from api_tokens t where t.token_id = sign_in_codes.token_id
      and (t.revoked_at is not null or t.expires_at <= now())
  )`;

/** What the code is good for, without using it. */
export const readCode = async (
  db: Queryable,
  digest: Buffer,
  purpose: SignInCode["purpose"],
): Promise<SignInCode | null> => {
  const { rows } = await db.query(`select ${columns} from sign_in_codes where ${isGood}`, [digest, purpose]);
  return rows[0] === undefined ? null : SignInCode.parse(rows[0]);
};

/** Of two that come at the same moment one gets it. */
export const useCode = async (
  db: Queryable,
  digest: Buffer,
  purpose: SignInCode["purpose"],
): Promise<SignInCode | null> => {
  const { rows } = await db.query(
    `update sign_in_codes set used_at = now() where ${isGood} returning ${columns}`,
    [digest, purpose],
  );
  return rows[0] === undefined ? null : SignInCode.parse(rows[0]);
};
