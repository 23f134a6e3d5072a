// The one way in which a feature's state changes: commit_change() of migration 0001, called once per change.
// A broken connection leaves the outcome unknown. The same change id is then sent again, which has no second effect.
// commit-queue.ts calls this.
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseError } from "pg";
import { z } from "zod";
import { isTransient } from "../db/errors.ts";
import type { Pool, Queryable } from "../db/pool.ts";
import { backoffMs } from "../runtime/backoff.ts";
import type { FeatureState } from "../../shared/features/feature.ts";
import type { WrittenCondition } from "../../shared/features/written-targeting.ts";
import { FeatureId, Revision, SegmentId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { operatorFieldsOf, type OperatorFields } from "../../shared/features/operator-fields.ts";

/** Kinds of audit rows that the database writes for what is no feature (migration 0044). */
export const OPERATOR_KINDS = ["hook", "target", "policy", "token", "forget"] as const;
export type OperatorKind = (typeof OPERATOR_KINDS)[number];

export type ChangeKind = "create" | "update" | "delete" | "rule" | "rollout" | "enable" | "rollback";

/** The state that a feature gets. The database gives the version. */
export type NextState = Omit<FeatureState, "featureId" | "version"> &
  OperatorFields & {
    /** null: as `targeting`, which has the conditions of segments in their place. */
    readonly writtenTargeting: WrittenCondition | null;
    readonly segments: readonly SegmentId[];
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
  /** The audit's column `action`. */
  readonly kind: ChangeKind;
  readonly reason: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** null: it is deleted. */
  readonly next: NextState | null;
  /** Of a feature that is deleted and that this database never had: its last epoch. */
  readonly epoch?: number | undefined;
  /** null: stays as it is. */
  readonly rule: Rule | null;
  /** The segments that the targeting was made of, as they were then. */
  readonly uses?: readonly SegmentVersion[] | undefined;
  /** This change carries out the decision of the feature's trial, so the trial ends with it and a new one begins. */
  readonly endsTrial?: boolean | undefined;
  /** A person lets the feature's trial start over, whatever it has decided. */
  readonly restartsTrial?: boolean | undefined;
  /** Whether the feature's ramp is paused from now on; undefined: as before. */
  readonly pausesRamp?: boolean | undefined;
};

/** A plan of configuration files that the change carries out, and who owns its features afterwards. */
export type AppliedConfig = {
  readonly planHash: string;
  readonly source: string;
  readonly managed: readonly ManagedFeature[];
  /** Features that no file owns any more. */
  readonly released: readonly FeatureId[];
  readonly managedSegments: readonly ManagedSegment[];
  readonly releasedSegments: readonly SegmentId[];
};

export type ManagedSegment = {
  readonly segmentId: SegmentId;
  readonly file: string;
  readonly applied: Readonly<Record<string, unknown>>;
};

export type ManagedFeature = {
  readonly featureId: FeatureId;
  readonly file: string;
  /** As the file has it. */
  readonly applied: Readonly<Record<string, unknown>>;
};

/** A segment at a version. null: there must be none. */
export type SegmentVersion = { readonly segmentId: SegmentId; readonly expectedVersion: number | null };

export type SegmentChange = SegmentVersion & {
  readonly reason: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** Its condition changes or goes: every user of it has to be in the change. */
  readonly moves: boolean;
  /** `uses`: the segments that the condition names. null: it is deleted. */
  readonly next: {
    readonly condition: WrittenCondition;
    readonly description: string | null;
    readonly uses: readonly SegmentId[];
  } | null;
  /** Other segments, as they were when this one was checked. */
  readonly uses: readonly SegmentVersion[];
};

export type Change = {
  readonly changeId: string;
  readonly actor: string;
  readonly features: FeatureChange[];
  readonly config?: AppliedConfig | undefined;
  readonly segments?: readonly SegmentChange[];
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
  z.object({ outcome: z.literal("segmentConflict"), segmentId: SegmentId }),
]);

export type CommitError =
  | { readonly reason: "conflict"; readonly featureId: FeatureId; readonly have: number | null }
  | { readonly reason: "segmentConflict"; readonly segmentId: SegmentId }
  | { readonly reason: "orphan"; readonly featureId: FeatureId }
  | { readonly reason: "tooLarge"; readonly bytes: number; readonly limit: number };

const QUERY_TIMEOUT_MS = 5_000;
const RETRY = { firstMs: 5, mostMs: 500 };

/**
 * A trial ends by losing its terms: the next evaluation finds others and starts over. It ends in the statement that
 * commits the change, because a process that died between the two would act on the same evidence once more. For the
 * same reason it notes there which features the files own that the change comes from, and whether a ramp is paused.
 */
const COMMIT_CHANGES = `
  with done as (
    select change, commit_change(change) as outcome from unnest($1::jsonb[]) as given (change)
  ), ended as (
    update pmf_trials t set terms = '', decided = null, cause = '{}', seq = t.seq + 1
    from done, jsonb_to_recordset(done.change -> 'features') as f ("featureId" text, next jsonb, "endsTrial" boolean, "restartsTrial" boolean)
    where (f."restartsTrial" or f."endsTrial" and t.decided = 'ROLLBACK') and done.outcome ->> 'outcome' = 'committed'
      and t.feature_id = f."featureId" and t.epoch = (f.next ->> 'epoch')::integer
  ), ramps as (
    insert into pmf_ramps as r (feature_id, rollout_bps, since, paused)
    select distinct on (f."featureId") f."featureId", (f.next ->> 'rolloutBps')::integer, (done.outcome ->> 'at')::timestamptz, f."pausesRamp"
    from done, jsonb_to_recordset(done.change -> 'features') as f ("featureId" text, next jsonb, "pausesRamp" boolean)
    where f."pausesRamp" is not null and done.outcome ->> 'outcome' = 'committed'
    on conflict (feature_id) do update set paused = excluded.paused
  ), applied as (
    select change ->> 'actor' as actor, change -> 'config' as config, outcome
    from done where change ? 'config' and outcome ->> 'outcome' = 'committed'
  ), managed as (
    insert into managed_features as m (feature_id, source, file, applied, applied_at)
    select f."featureId", a.config ->> 'source', f.file, f.applied, (a.outcome ->> 'at')::timestamptz
    from applied a, jsonb_to_recordset(a.config -> 'managed') as f ("featureId" text, file text, applied jsonb)
    on conflict (feature_id) do update set
      source = excluded.source, file = excluded.file, applied = excluded.applied, applied_at = excluded.applied_at
    where m.applied_at <= excluded.applied_at
  ), released as (
    delete from managed_features m using applied a
    where a.config -> 'released' ? m.feature_id
  ), managed_of_segments as (
    insert into managed_segments as m (segment_id, source, file, applied, applied_at)
    select s."segmentId", a.config ->> 'source', s.file, s.applied, (a.outcome ->> 'at')::timestamptz
    from applied a, jsonb_to_recordset(a.config -> 'managedSegments') as s ("segmentId" text, file text, applied jsonb)
    on conflict (segment_id) do update set
      source = excluded.source, file = excluded.file, applied = excluded.applied, applied_at = excluded.applied_at
    where m.applied_at <= excluded.applied_at
  ), released_segments as (
    delete from managed_segments m using applied a
    where a.config -> 'releasedSegments' ? m.segment_id
  ), noted as (
    insert into config_applies (plan_hash, source, actor, revision, at, features)
    select config ->> 'planHash', config ->> 'source', actor, (outcome ->> 'revision')::bigint,
           (outcome ->> 'at')::timestamptz, outcome -> 'features'
    from applied
    on conflict (plan_hash) do nothing
  ), forgotten as (
    delete from config_applies c using applied a
    where c.at < (a.outcome ->> 'at')::timestamptz - interval '90 days'
  )
  select outcome from done`;

/** The document that commit_change() takes. */
const documentOf = ({ features, ...change }: Change): string =>
  JSON.stringify({
    ...change,
    features: features.map(({ kind, next, ...rest }) => ({
      ...rest,
      next: next && { ...next, operatorFields: operatorFieldsOf(next) },
      action: kind,
    })),
  });

/** Commits the changes in one transaction. Repeats transient failures until `patienceMs` are over. */
export const commitTogether = async (
  pool: Pool,
  changes: readonly Change[],
  patienceMs: number,
): Promise<unknown[]> => {
  const deadline = performance.now() + patienceMs;
  const query = {
    name: "commit_change",
    text: COMMIT_CHANGES,
    values: [changes.map(documentOf)],
    // A connection that went silent must not hold a rollback for the minutes that TCP takes to notice.
    query_timeout: QUERY_TIMEOUT_MS,
  };
  for (let attempts = 0; ; attempts += 1) {
    const answer = await pool.query<{ outcome: unknown }>(query).catch((cause: unknown) => ({ cause }));
    if ("rows" in answer) return answer.rows.map((row) => row.outcome);
    if (!isTransient(answer.cause) || performance.now() > deadline) throw answer.cause;
    await sleep(backoffMs(attempts, RETRY));
  }
};

export const toResult = (answer: unknown): Result<Committed, CommitError> => {
  const outcome = Outcome.parse(answer);
  switch (outcome.outcome) {
    case "committed":
      return ok(outcome);
    case "conflict":
      return err({ reason: "conflict", featureId: outcome.featureId, have: outcome.have });
    case "segmentConflict":
      return err({ reason: "segmentConflict", segmentId: outcome.segmentId });
  }
};

const Size = z.object({ bytes: z.number(), limit: z.number() });

/** What commit_change() refuses by an error of its own; null for any other error. */
export const refusalOf = (cause: unknown): CommitError | null => {
  if (!(cause instanceof DatabaseError)) return null;
  const { code, detail } = cause;
  if (code === "SL001") return { reason: "orphan", featureId: FeatureId.parse(detail) };
  if (code === "SL002") return { reason: "tooLarge", ...Size.parse(JSON.parse(detail ?? "")) };
  return null;
};

/** The outcome of the change that was committed under this id, as long as its row of the outbox is kept; null: none was. */
export const findCommitted = async (db: Queryable, changeId: string): Promise<Committed | null> => {
  const { rows } = await db.query<{ result: unknown }>(
    "select payload -> 'result' as result from outbox where change_id = $1",
    [changeId],
  );
  return rows[0] === undefined ? null : Committed.parse(rows[0].result);
};
