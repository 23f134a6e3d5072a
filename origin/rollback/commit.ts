// The one way in which a feature's state changes: commit_change() of migration 0001, called once per change.
// A broken connection leaves the outcome open; the same change id is sent again, which has no second effect.
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseError } from "pg";
import { z } from "zod";
import type { Pool } from "../db/pool.ts";
import type { FeatureState } from "../../shared/feature.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Rule } from "../../shared/rule.ts";

export type ChangeAction = "create" | "update" | "delete" | "rule" | "rollout" | "enable" | "rollback";

/** What a feature becomes. The version is the database's to give. */
export type NextState = Omit<FeatureState, "featureId" | "version"> & {
  readonly tags: readonly string[];
  readonly requires: readonly FeatureId[];
  readonly rolloutBeforeBps: number | null;
  readonly rollbackReason: string | null;
  /** Rolled back: only a person opens it again. */
  readonly latched: boolean;
};

export type FeatureChange = {
  readonly featureId: FeatureId;
  /** null: the feature must not exist. */
  readonly expectedVersion: number | null;
  readonly action: ChangeAction;
  readonly reason: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** null: it is deleted. */
  readonly next: NextState | null;
  /** null: stays as it is. */
  readonly rule: Rule | null;
};

export type Change = {
  readonly changeId: string;
  readonly actor: string;
  readonly features: FeatureChange[];
};

const Committed = z.object({
  outcome: z.literal("committed"),
  revision: Revision,
  at: z.coerce.date(),
  features: z.array(
    z.object({
      featureId: FeatureId,
      version: z.number(),
      epoch: z.number(),
      ruleVersion: z.number().nullable(),
    }),
  ),
});
export type Committed = z.infer<typeof Committed>;

const Outcome = z.discriminatedUnion("outcome", [
  Committed,
  z.object({ outcome: z.literal("conflict"), featureId: FeatureId, have: z.number().nullable() }),
]);

export type CommitError =
  | { readonly reason: "conflict"; readonly featureId: FeatureId; readonly have: number | null }
  | { readonly reason: "orphan"; readonly featureId: FeatureId };

const QUERY_TIMEOUT_MS = 5_000;

/**
 * Whether the same statement may succeed when sent again: connection lost or refused, server going down or coming
 * up, serialization failure, deadlock. Anything that PostgreSQL answered otherwise is final.
 */
const isPassing = (error: unknown): boolean => {
  if (error instanceof DatabaseError)
    return /^(08|57P0|53|40)/.test(error.code ?? "") || error.code === "25006";
  return error instanceof Error;
};

/**
 * Commits the change or says why not, with nothing written. Retries for `patienceMs`; after that it throws, and the
 * cause's outcome is unknown: the same change id may be committed again later to learn it.
 */
export const commitChange = async (
  pool: Pool,
  change: Change,
  patienceMs = 15_000,
): Promise<Result<Committed, CommitError>> => {
  const deadline = performance.now() + patienceMs;
  const query = {
    text: "select commit_change($1::jsonb) as outcome",
    values: [JSON.stringify(change)],
    // A connection that went silent must not hold a rollback for the minutes that TCP takes to notice.
    query_timeout: QUERY_TIMEOUT_MS,
  };
  for (let pauseMs = 5; ; pauseMs = Math.min(500, pauseMs * 2)) {
    const answer = await pool.query<{ outcome: unknown }>(query).catch((cause: unknown) => ({ cause }));
    if ("rows" in answer) {
      const outcome = Outcome.parse(answer.rows[0]?.outcome);
      return outcome.outcome === "committed"
        ? ok(outcome)
        : err({ reason: "conflict", featureId: outcome.featureId, have: outcome.have });
    }
    const { cause } = answer;
    if (cause instanceof DatabaseError && cause.code === "SL001")
      return err({ reason: "orphan", featureId: FeatureId.parse(cause.detail) });
    if (!isPassing(cause) || performance.now() > deadline)
      throw new Error(`change ${change.changeId} was not confirmed by the database`, { cause });
    await sleep(pauseMs * (0.5 + Math.random()));
  }
};
