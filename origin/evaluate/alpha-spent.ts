// The α that the month's launches may spend. The chance that at least one good feature is rolled back is at most its sum, however
// the launches depend on one another. The admin API calls it the error budget.
import type { Queryable } from "../db/pool.ts";

export type AlphaSpent = {
  /** Features and epochs that began to be judged in enforce mode. */
  readonly launches: number;
  /** Expected good features rolled back, at most. */
  readonly alpha: number;
};

/** Over the last 30 days. */
export const readAlphaSpent = async (db: Queryable): Promise<AlphaSpent> => {
  const { rows } = await db.query<AlphaSpent>(
    `select count(*)::int as launches, coalesce(sum(alpha_spent), 0)::float8 as alpha
     from pmf_trials
     where alpha_spent > 0 and started_at > now() - interval '30 days'`,
  );
  return rows[0] ?? { launches: 0, alpha: 0 };
};
