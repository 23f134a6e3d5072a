// Partitions whose database cannot be asked for a while: decisions are made on the others' people, and in the end everybody is counted
// exactly once. Simulated lives of a trial, by the pure functions of the product.
import { describe, expect, test } from "vitest";
import type { OutcomeBucket } from "../../../origin/decide/accumulate-outcomes.ts";
import { judgedRule } from "../../../origin/decide/judged-rule.ts";
import type { Missed } from "../../../origin/decide/missed.ts";
import { evaluateTrial } from "../../../origin/evaluate/evaluation.ts";
import type { Late } from "../../../origin/evaluate/read-late.ts";
import { outcomeKey, type Mature, type MatureData } from "../../../origin/evaluate/read-mature.ts";
import { mergeOutcomes } from "../../../origin/evaluate/read-parts.ts";
import type { EvaluationTarget } from "../../../origin/evaluate/targets.ts";
import { termsOf } from "../../../origin/evaluate/trial-terms.ts";
import { currentTrial, type Trial } from "../../../origin/evaluate/trials.ts";
import { updateTrial } from "../../../origin/evaluate/update-trial.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const PARTITIONS = [0, 1, 2, 3];
const ALPHA = 0.05;
/** Of one partition in a bucket. */
const UNITS = 25;
const LOOKS = 60;

type Random = () => number;

/** mulberry32: the same numbers for the same seed. */
const makeRandom = (seed: number): Random => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const drawBinomial = (n: number, chance: number, random: Random): number => {
  let successes = 0;
  for (let unit = 0; unit < n; unit++) if (random() < chance) successes++;
  return successes;
};

const targetOf = (holdoutBps: number): EvaluationTarget => {
  const rolloutBps = 10_000 - holdoutBps;
  const rule = judgedRule(
    Rule.parse({
      featureId: "feat_missed",
      latencyP95Threshold: 200,
      evaluationWindowSeconds: 10_000_000,
      mode: "enforce",
      activationThreshold: 0.15,
      retentionThreshold: 0.4,
      activationWindowSeconds: 60,
      retentionWindowSeconds: 120,
      returnAfterSeconds: 60,
      minCohortSize: 500,
      falseRollbackRate: ALPHA,
    }),
    { holdoutBps },
  );
  return {
    rule,
    rolloutBps,
    holdoutBps,
    epochStartedAt: 0,
    epoch: 1,
    ruleVersion: 1,
    version: 1,
    featureId: rule.featureId,
    activationConfigured: true,
    terms: termsOf(rule),
    ages: agesOf(rule),
    isCounted: true,
    trial: null,
    ramp: null,
    last: null,
  };
};

/** The counts of one partition, as its database has them. */
type Database = ReadonlyMap<string, readonly OutcomeBucket[]>;

const fillDatabase = (target: EvaluationTarget, buckets: number, random: Random): Database => {
  const { ages, holdoutBps, rule } = target;
  const heldOut = Math.round((UNITS * holdoutBps) / target.rolloutBps);
  const database = new Map<string, OutcomeBucket[]>();
  const add = (key: string, bucket: OutcomeBucket): void => {
    database.set(key, [...(database.get(key) ?? []), bucket]);
  };
  for (let at = 0; at < buckets; at++) {
    const bucketS = at * ages.bucketSeconds;
    add(outcomeKey("exposure", 0), {
      bucketS,
      treatment: { n: UNITS, s: UNITS },
      holdout: { n: heldOut, s: heldOut },
    });
    for (const signal of ["activation", "retention"] as const) {
      const rate = signal === "activation" ? rule.activationThreshold : rule.retentionThreshold;
      let earlier = { treatment: 0, holdout: 0 };
      for (const [index, ageSeconds] of ages[signal].entries()) {
        // A part of those who succeed at all has done so at each age.
        const by = (index + 1) / ages[signal].length;
        const before = index / ages[signal].length;
        const chance = (rate * (by - before)) / (1 - rate * before);
        const succeeded = {
          treatment: earlier.treatment + drawBinomial(UNITS - earlier.treatment, chance, random),
          holdout: earlier.holdout + drawBinomial(heldOut - earlier.holdout, chance, random),
        };
        add(outcomeKey(signal, ageSeconds), {
          bucketS,
          treatment: { n: UNITS, s: succeeded.treatment },
          holdout: { n: heldOut, s: succeeded.holdout },
          earlier,
        });
        earlier = succeeded;
      }
    }
  }
  return database;
};

const within = (database: Database, key: string, from: number, upTo: number): readonly OutcomeBucket[] =>
  (database.get(key) ?? []).filter(({ bucketS }) => bucketS >= from && bucketS < upTo);

/** What read-mature.ts reads when these partitions cannot be asked. `at`: unix seconds. */
const readAt = (
  databases: readonly Database[],
  target: EvaluationTarget,
  { evidence }: Trial,
  away: readonly number[],
  at: number,
): MatureData => {
  const asked = PARTITIONS.filter((partition) => !away.includes(partition));
  const upToAge = (ageSeconds: number): number =>
    Math.floor((at - ageSeconds) / target.ages.bucketSeconds) * target.ages.bucketSeconds;
  const outcomes = new Map<string, Mature<readonly OutcomeBucket[]>>();
  const read = (key: string, ageSeconds: number, from: number): void => {
    const upTo = upToAge(ageSeconds);
    if (from >= upTo) return;
    const found = asked.map((partition) => within(databases[partition] ?? new Map(), key, from, upTo));
    outcomes.set(key, { upTo, found: mergeOutcomes(found) });
  };
  read(outcomeKey("exposure", 0), 0, evidence.exposed.accumulatedTo);
  for (const signal of ["activation", "retention"] as const)
    for (const { ageSeconds, accumulatedTo } of evidence[signal])
      read(outcomeKey(signal, ageSeconds), ageSeconds, accumulatedTo);
  const lateOf = (missed: Missed): Late => ({
    missed,
    outcomes:
      missed.signal === "traffic"
        ? []
        : within(
            databases[missed.partition] ?? new Map(),
            outcomeKey(missed.signal, missed.ageSeconds),
            missed.from,
            missed.upTo,
          ),
    traffic: [],
    share: 1 / PARTITIONS.length,
  });
  return {
    outcomes,
    traffic: undefined,
    away,
    late: evidence.missed.filter(({ partition }) => asked.includes(partition)).map(lateOf),
    share: asked.length / PARTITIONS.length,
  };
};

/** Each partition is away for some looks now and then; in the last one everybody can be asked. */
const outages = (random: Random): number[][] => {
  const awayUntil = PARTITIONS.map(() => 0);
  return Array.from({ length: LOOKS }, (_, look) => {
    for (const partition of PARTITIONS)
      if ((awayUntil[partition] ?? 0) <= look && random() < 0.05)
        awayUntil[partition] = look + 1 + Math.floor(random() * 15);
    const away = PARTITIONS.filter((partition) => (awayUntil[partition] ?? 0) > look);
    return look === LOOKS - 1 || away.length === PARTITIONS.length ? [] : away;
  });
};

const BUCKETS_A_LOOK = 4;

const live = (holdoutBps: number, random: Random, away: readonly (readonly number[])[]) => {
  const target = targetOf(holdoutBps);
  const databases = PARTITIONS.map(() => fillDatabase(target, LOOKS * BUCKETS_A_LOOK, random));
  let trial = currentTrial(target, 0);
  let rolledBack = false;
  for (const [look, awayNow] of away.entries()) {
    const at = (look + 1) * BUCKETS_A_LOOK * target.ages.bucketSeconds;
    const mature = readAt(databases, target, trial, awayNow, at);
    const evaluated = evaluateTrial(target, updateTrial(target, trial, mature, at), {
      now: at,
      lagSeconds: 0,
    });
    ({ trial } = evaluated);
    rolledBack ||= evaluated.decision.action === "ROLLBACK";
  }
  return { trial, rolledBack };
};

const tallies = ({ evidence }: Trial) => ({
  exposed: evidence.exposed,
  ratio: [evidence.sampleRatio.treatment, evidence.sampleRatio.holdout],
  mature: [...evidence.activation, ...evidence.retention].map(({ mature, accumulatedTo }) => ({
    mature,
    accumulatedTo,
  })),
});

describe("people of partitions that cannot be asked for a while", () => {
  test("are all counted once in the end, whenever which of them were away", () => {
    for (let seed = 1; seed <= 16; seed++) {
      const holdoutBps = seed % 2 === 0 ? 0 : 4_000;
      const away = outages(makeRandom(seed + 1_000));
      expect(away.some((some) => some.length > 0)).toBe(true);
      const interrupted = live(holdoutBps, makeRandom(seed), away);
      const without = live(
        holdoutBps,
        makeRandom(seed),
        away.map(() => []),
      );
      expect(interrupted.trial.evidence.missed).toEqual([]);
      expect(tallies(interrupted.trial)).toEqual(tallies(without.trial));
    }
  });

  test("hold up no decision, and are named in the evidence meanwhile, one range for each signal and age", () => {
    const away = Array.from({ length: LOOKS }, (_, look) => (look < 10 ? [] : [2]));
    const { trial } = live(0, makeRandom(7), away);
    const whole = targetOf(0).ages;
    expect(trial.evidence.missed).toHaveLength(1 + whole.activation.length + whole.retention.length);
    expect(trial.evidence.missed.every(({ partition }) => partition === 2)).toBe(true);
    const [exposure] = trial.evidence.missed;
    expect(exposure).toMatchObject({
      signal: "exposure",
      from: 10 * BUCKETS_A_LOOK * whole.bucketSeconds,
      upTo: LOOKS * BUCKETS_A_LOOK * whole.bucketSeconds,
    });
    const expected = UNITS * BUCKETS_A_LOOK * (10 * 4 + (LOOKS - 10) * 3);
    expect(trial.evidence.exposed.treatment).toBe(expected);
  });

  test.each([0, 4_000])(
    "make no false rollback likelier: a feature exactly at its thresholds, with a holdout of %i bps",
    (holdoutBps) => {
      const lives = 80;
      let rolledBack = 0;
      for (let life = 1; life <= lives; life++)
        if (live(holdoutBps, makeRandom(life), outages(makeRandom(life + 5_000))).rolledBack) rolledBack++;
      const mean = lives * ALPHA;
      expect(rolledBack).toBeLessThanOrEqual(mean + 3 * Math.sqrt(mean * (1 - ALPHA)));
    },
  );
});
