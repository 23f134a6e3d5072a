// The month's error budget: the chance that at least one good feature is rolled back is at most the sum of the α that its
// launches may spend, however they depend on one another.
import type { Queryable } from "../db/pool.ts";

export type AlphaSpent = {
  /** Features and epochs that began to be judged in enforce mode. */
  readonly launches: number;
  /** Expected good features rolled back, at most. */
  readonly alpha: number;
};

/** Over the 30 days before now. */
export const readAlphaSpent = async (db: Queryable): Promise<AlphaSpent> => {
  const { rows } = await db.query<AlphaSpent>(
    `select count(*)::int as launches, coalesce(sum(alpha_spent), 0)::float8 as alpha
     from pmf_trials
     where alpha_spent > 0 and started_at > now() - interval '30 days'`,
  );
  return rows[0] ?? { launches: 0, alpha: 0 };
};
