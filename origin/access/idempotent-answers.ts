// Answers to requests that named an Idempotency-Key, by actor and key. The IETF's draft
// (draft-ietf-httpapi-idempotency-key-header) says what a repeated, a changed and a concurrent request get.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";

/** As long as an answer is kept. */
const KEEP = "24 hours";
/** A process that died leaves its claim behind; another request takes it over then. */
const ABANDONED_AFTER = "1 minute";

export const StoredAnswer = z.object({
  status: z.number().int(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
});
export type StoredAnswer = z.infer<typeof StoredAnswer>;

export type KeyedRequest = {
  readonly actor: string;
  readonly key: string;
  /** Of method, path and body. */
  readonly digest: Buffer;
};

export type Claim =
  /** The request is this one's to carry out. */
  | { readonly state: "claimed" }
  | { readonly state: "answered"; readonly answer: StoredAnswer }
  | { readonly state: "underWay" }
  /** The key was used for another request. */
  | { readonly state: "otherRequest" };

const Found = z.object({ is_same: z.boolean(), answer: StoredAnswer.nullable() });

export type IdempotentAnswers = ReturnType<typeof makeIdempotentAnswers>;

export const makeIdempotentAnswers = (pool: Queryable) => ({
  claim: async ({ actor, key, digest }: KeyedRequest): Promise<Claim> => {
    await pool.query(`delete from idempotency_keys where begun_at < now() - interval '${KEEP}'`);
    const { rowCount } = await pool.query(
      `insert into idempotency_keys as had (actor, key, request) values ($1, $2, $3)
       on conflict (actor, key) do update set begun_at = now()
       where had.answer is null and had.request = excluded.request
         and had.begun_at < now() - interval '${ABANDONED_AFTER}'`,
      [actor, key, digest],
    );
    if (rowCount === 1) return { state: "claimed" };
    const { rows } = await pool.query(
      "select request = $3 as is_same, answer from idempotency_keys where actor = $1 and key = $2",
      [actor, key, digest],
    );
    // The one that had it has just given it up.
    if (rows[0] === undefined) return { state: "underWay" };
    const { is_same: isSame, answer } = Found.parse(rows[0]);
    if (!isSame) return { state: "otherRequest" };
    return answer === null ? { state: "underWay" } : { state: "answered", answer };
  },
  keep: async ({ actor, key }: KeyedRequest, answer: StoredAnswer): Promise<void> => {
    await pool.query("update idempotency_keys set answer = $3 where actor = $1 and key = $2", [
      actor,
      key,
      JSON.stringify(answer),
    ]);
  },
  /** Nothing was done, so the same key may be tried again. */
  release: async ({ actor, key }: KeyedRequest): Promise<void> => {
    await pool.query("delete from idempotency_keys where actor = $1 and key = $2 and answer is null", [
      actor,
      key,
    ]);
  },
});
