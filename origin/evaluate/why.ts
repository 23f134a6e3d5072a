// Why a feature is as it is: its newest decision, how far each signal is, what is in sight, and what it waits for.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import { formatOdds } from "../decide/format.ts";
import { outlookOf, progressOf, type Outlook } from "../decide/planning/outlook.ts";
import type { CohortShares } from "../decide/statistics/sample-ratio.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { StoredDecision } from "./stored-decision.ts";
import { readExposed, readExposedOfDay, type Exposed, type ExposedOfDay } from "./read-exposed.ts";
import type { AggregateView } from "./aggregates.ts";
import { readRamp } from "./read-ramp.ts";
import { readSampleRatio } from "./read-sample-ratio.ts";
import { warningsAtTraffic, type WarningTerms } from "./read-rule-warnings.ts";

const DAY = 86_400;

const Newest = z.object({
  at: z.date(),
  epoch: z.number(),
  ruleVersion: z.number(),
  mode: z.enum(["shadow", "enforce"]),
  decision: StoredDecision,
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

/** Units of the epoch, in all and a day. `now`: unix seconds. */
const cohortsOf = (exposed: Exposed, ofDay: ExposedOfDay, now: number) => {
  const ageS = Math.min(DAY, Math.max(1, Math.floor(now) - (exposed.firstS ?? Math.floor(now))));
  const of = (cohort: "treatment" | "holdout") => ({
    exposed: exposed[cohort],
    perDay: Math.round(((ofDay[cohort] ?? 0) * DAY) / ageS),
  });
  return { treatment: of("treatment"), holdout: of("holdout") };
};

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
const shown = ({ logEvidence, logBar }: { logEvidence: number; logBar: number }) => ({
  evidence: formatOdds(logEvidence),
  needed: formatOdds(logBar),
  logEvidence: finite(logEvidence),
  logBar: finite(logBar),
});

type Tested = Parameters<typeof progressOf>[0];
const rollbackOf = (test: Tested) => ({
  ...shown(test),
  progress: progressOf(test),
  besideHoldout: test.comparison === null ? null : shown(test.comparison),
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
      rollback: rollbackOf(test),
      sinceKept:
        test.alarm === null
          ? null
          : { ...rollbackOf(test.alarm), treatment: test.alarm.treatment, holdout: test.alarm.holdout },
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

/** A sentence for each database of whose people nothing is counted at the moment. */
const missedWarnings = ({ parts, away }: Pick<AggregateView, "parts" | "away">): string[] => {
  const asked = parts.reduce((sum, { partitions }) => sum + (partitions?.length ?? 0), 0);
  return Array.from(
    Map.groupBy(away, ({ database }) => database),
    ([database, of]) =>
      `the people of ${of.length} of ${asked + away.length} partitions are missed at the moment, in every cohort alike, because the database ${database} cannot be asked (${of[0]?.reason ?? ""}); decisions are about the others, and they are counted when it is back`,
  );
};

/** `rule`: null where it has none. */
export type ExplainedFeature = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly epochStartedAt: Date;
  readonly enabled: boolean;
  readonly shares: CohortShares;
  readonly rule: Rule | null;
};

/** Of the feature's present epoch. */
export const readWhy = async (
  db: Queryable,
  view: AggregateView,
  { featureId, epoch, epochStartedAt, enabled, shares, rule }: ExplainedFeature,
  terms: WarningTerms,
) => {
  const { rolloutBps } = shares;
  const reading = readNewest(db, featureId, epoch);
  const deciding = reading.then((newest) => newest?.decision ?? null);
  const ratio = deciding.then((decision) => decision?.evidence.sampleRatio ?? null);
  const [newest, exposed, [ofDay = { treatment: null, holdout: null }], ramp, sampleRatio] =
    await Promise.all([
      reading,
      readExposed(db, view.parts, { featureId, epoch }),
      readExposedOfDay(view.parts, [{ featureId, epoch }], terms.now),
      readRamp(db, { featureId, enabled, rolloutBps, rule }, deciding, terms.now),
      readSampleRatio(db, { featureId, epoch }, ratio),
    ]);
  const cohorts = cohortsOf(exposed, ofDay, terms.now);
  const { missing, rollback, keep } = outlook(newest, rule, cohorts.treatment.perDay);
  const epochStartedS = epochStartedAt.getTime() / 1_000;
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
    cohorts,
    sampleRatio,
    ramp,
    newestExposureAt: exposed.newestS === null ? null : new Date(exposed.newestS * 1_000),
    missing,
    missedWarnings: missedWarnings(view),
    ruleWarnings: rule === null ? [] : warningsAtTraffic({ rule, shares, epochStartedS, ofDay }, terms),
  };
};
