// Why a feature is as it is: its newest decision, how far each signal is, what is in sight, and what it waits for.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import { formatOdds } from "../decide/format.ts";
import { outlookOf, progressOf, type Outlook } from "../decide/planning/outlook.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Rule } from "../../shared/features/rule.ts";

const DAY = 86_400;

const Signal = z.enum(["activation", "retention", "latency", "errorRate"]);
const Against = z.enum(["threshold", "holdout", "both"]);
const Tally = z.object({ n: z.number(), s: z.number() });
// JSON has no infinity: evidence that refutes outright is stored as null.
const log = z
  .number()
  .nullable()
  .transform((value) => value ?? -Infinity);
const Evidence = z.object({ logEvidence: log, logBar: log });
const Interval = z.object({ lower: z.number(), upper: z.number() });

const Test = z.object({
  signal: Signal,
  against: Against,
  ageSeconds: z.number().nullable(),
  threshold: z.number(),
  treatment: Tally,
  holdout: Tally.nullable(),
  immature: z.number().nullable(),
  // Evaluations of earlier versions lack it.
  leftOut: z.number().nullable().default(0),
  rate: z.number().nullable(),
  logEvidence: log,
  logBar: log,
  comparison: Evidence.nullable(),
  onlyTreatment: Evidence.nullable(),
  alarm: Evidence.extend({
    comparison: Evidence.nullable(),
    treatment: Tally,
    holdout: Tally.nullable(),
  }).nullable(),
  counts: z.boolean(),
});

const Explained = z.object({
  signal: Signal,
  ageSeconds: z.number().nullable(),
  interval: Interval.nullable(),
  lift: Interval.nullable(),
  posterior: z.number().nullable(),
  unitsToRollback: z.number().nullable(),
  unitsToKeep: z.number().nullable(),
});

const Newest = z.object({
  at: z.date(),
  epoch: z.number(),
  ruleVersion: z.number(),
  mode: z.enum(["shadow", "enforce"]),
  decision: z.object({
    action: z.enum(["KEEP", "ROLLBACK", "WAIT"]),
    state: z.enum(["COLLECTING", "TESTING", "UNDECIDED", "KEEP", "WATCH", "ROLLBACK", "INVALID"]),
    reason: z.string(),
    evidence: z.object({
      tests: z.array(Test),
      keep: z.array(Evidence.extend({ signal: Signal, counts: z.boolean() })),
      sampleRatio: Evidence.nullable(),
    }),
    explained: z.array(Explained),
  }),
});
type Newest = z.infer<typeof Newest>;

/** A stored evaluation as a row of pmf_evaluations has it. */
export const toNewest = (row: unknown): Newest => Newest.parse(row);

const readNewest = async (db: Queryable, featureId: FeatureId, epoch: number): Promise<Newest | null> => {
  const { rows } = await db.query(
    `select at, epoch, rule_version as "ruleVersion", mode, decision
     from pmf_evaluations where feature_id = $1 and epoch = $2 order by id desc limit 1`,
    [featureId, epoch],
  );
  return rows[0] === undefined ? null : Newest.parse(rows[0]);
};

const Exposed = z.object({
  treatment: z.number(),
  holdout: z.number(),
  treatment_day: z.number(),
  holdout_day: z.number(),
  newest_s: z.number().nullable(),
  age_s: z.number(),
});

/** Units of the epoch, in all and of the last day. */
const readExposed = async (db: Queryable, featureId: FeatureId, epoch: number, now: number) => {
  const { rows } = await db.query(
    `select
       coalesce(sum(units) filter (where cohort = 'treatment'), 0)::float8 as treatment,
       coalesce(sum(units) filter (where cohort = 'holdout'), 0)::float8 as holdout,
       coalesce(sum(units) filter (where cohort = 'treatment' and bucket_s >= $3::bigint - $4), 0)::float8 as treatment_day,
       coalesce(sum(units) filter (where cohort = 'holdout' and bucket_s >= $3::bigint - $4), 0)::float8 as holdout_day,
       max(bucket_s)::float8 as newest_s,
       least($4::float8, greatest(1, $3 - coalesce(min(bucket_s), $3)))::float8 as age_s
     from outcome_counts where feature_id = $1 and epoch = $2 and signal = 'exposure'`,
    [featureId, epoch, Math.floor(now), DAY],
  );
  const row = Exposed.parse(rows[0]);
  const perDay = (units: number): number => Math.round((units * DAY) / row.age_s);
  return {
    cohorts: {
      treatment: { exposed: row.treatment, perDay: perDay(row.treatment_day) },
      holdout: { exposed: row.holdout, perDay: perDay(row.holdout_day) },
    },
    newestExposureAt: row.newest_s === null ? null : new Date(row.newest_s * 1_000),
  };
};

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
const shown = ({ logEvidence, logBar }: { logEvidence: number; logBar: number }) => ({
  evidence: formatOdds(logEvidence),
  needed: formatOdds(logBar),
  logEvidence: finite(logEvidence),
  logBar: finite(logBar),
});

const signalsOf = ({ decision: { evidence, explained } }: Newest) =>
  evidence.tests.map((test, i) => {
    const keep = evidence.keep.find(({ signal }) => signal === test.signal);
    const { interval = null, lift = null } = explained[i] ?? {};
    return {
      signal: test.signal,
      against: test.against,
      ageSeconds: test.ageSeconds,
      threshold: test.threshold,
      rate: test.rate,
      interval,
      lift,
      treatment: test.treatment,
      holdout: test.holdout,
      immature: test.immature,
      counts: test.counts,
      rollback: {
        ...shown(test),
        progress: progressOf(test),
        besideHoldout: test.comparison === null ? null : shown(test.comparison),
      },
      keep: keep === undefined ? null : shown(keep),
    };
  });

const NOT_YET: Outlook = {
  rollback: {
    sentence: "It is rolled back when the evidence of one signal reaches its bar.",
    expected: null,
  },
  keep: { sentence: "It is kept when each signal is proven to meet its threshold.", expected: null },
  missing: [],
};

const outlook = (newest: Newest | null, rule: Rule | null, unitsPerDay: number): Outlook =>
  newest === null || rule === null
    ? NOT_YET
    : outlookOf(newest.decision, { unitsPerDay, minCohortSize: rule.minCohortSize });

/** Of the feature's present epoch. `rule`: null where it has none. `now`: unix seconds. */
export const readWhy = async (
  db: Queryable,
  {
    featureId,
    epoch,
    rule,
  }: { readonly featureId: FeatureId; readonly epoch: number; readonly rule: Rule | null },
  now: number,
) => {
  const [newest, exposed] = await Promise.all([
    readNewest(db, featureId, epoch),
    readExposed(db, featureId, epoch, now),
  ]);
  const { missing, rollback, keep } = outlook(newest, rule, exposed.cohorts.treatment.perDay);
  return {
    verdict:
      newest === null
        ? null
        : {
            state: newest.decision.state,
            action: newest.decision.action,
            sentence: newest.decision.reason,
            mode: newest.mode,
            ruleVersion: newest.ruleVersion,
            at: newest.at,
          },
    signals: newest === null ? [] : signalsOf(newest),
    rollback,
    keep,
    ...exposed,
    missing,
  };
};
