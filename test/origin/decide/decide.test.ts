import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide } from "../../../origin/decide/decide.ts";
import { againstOf, judgedRule, type JudgedRule } from "../../../origin/decide/judged-rule.ts";
import type { History } from "../../../origin/decide/verdict.ts";
import type { Decision, SignalName } from "../../../origin/decide/decision.ts";
import { emptyEvidence, type Evidence } from "../../../origin/decide/evidence.ts";
import { explainDecision } from "../../../origin/decide/explain-decision.ts";
import { accumulateExposures } from "../../../origin/decide/accumulate-exposures.ts";
import { accumulateOutcomes } from "../../../origin/decide/accumulate-outcomes.ts";
import { accumulateTraffic } from "../../../origin/decide/accumulate-requests.ts";
import type { ByCohort, Tally } from "../../../origin/decide/statistics/tally.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";
import specification from "../../spec/decide.json" with { type: "json" };

type Accumulated = {
  signal: string;
  age?: string;
  buckets: number;
  treatment: number | number[];
  holdout?: number | number[];
  earlier?: number[];
  unfinished?: number[];
  rollout?: number[];
};

type Case = {
  title: string;
  rule?: Record<string, unknown>;
  accumulated: Accumulated[];
  decided?: string;
  cause?: string[];
  lagSeconds?: number | null;
  activationIsMeasured?: boolean;
  hasHoldout?: boolean;
  secondsSinceStart?: number;
  expect: { state: string; action: string; cause?: string[]; isValid?: boolean; reason?: string };
};

const SECONDS: Record<string, number> = {
  "15 min": 900,
  "30 min": 1800,
  "1 h": 3600,
  "24 h": 86_400,
  "3 d": 259_200,
  "7 d": 604_800,
};

const ROLLOUT = { rolloutBps: 5000, holdoutBps: 5000 };

const tallyOf = (pair: number | number[] | undefined): Tally =>
  Array.isArray(pair) ? { n: pair[0] ?? 0, s: pair[1] ?? 0 } : { n: pair ?? 0, s: pair ?? 0 };

const NONE: ByCohort<Tally> = { treatment: { n: 0, s: 0 }, holdout: { n: 0, s: 0 } };

/** Takes the buckets in one after another, as evaluations would. */
const accumulate = (
  evidence: Evidence,
  rule: JudgedRule,
  { signal, age, ...item }: Accumulated,
  isKept: boolean,
): Evidence => {
  const [treatment = 0, holdout = 0] = item.earlier ?? [];
  const tallies = {
    treatment: tallyOf(item.treatment),
    holdout: tallyOf(item.holdout),
    earlier: { treatment, holdout },
  };
  const from = (accumulatedTo: number) =>
    Array.from({ length: item.buckets }, (_, i) => ({ bucketS: accumulatedTo + i, ...tallies }));
  switch (signal) {
    case "exposure": {
      // Without a holdout in the case there is none in the rollout either.
      const [rolloutBps = 5_000, holdoutBps = 5_000] =
        item.rollout ?? (item.holdout === 0 ? [10_000, 0] : []);
      const rollout = { rolloutBps, holdoutBps };
      const { accumulatedTo, treatment: exposed } = evidence.exposed;
      const changed =
        exposed === 0
          ? { ...evidence, sampleRatio: { ...evidence.sampleRatio, ...rollout } }
          : {
              ...evidence,
              ...accumulateExposures(evidence, [], accumulatedTo, { rollout, now: accumulatedTo - 10 }),
            };
      const upTo = accumulatedTo + item.buckets;
      return {
        ...changed,
        ...accumulateExposures(changed, from(accumulatedTo), upTo, { rollout, now: upTo }),
      };
    }
    case "latency":
    case "errorRate": {
      const { traffic } = evidence;
      const buckets = from(traffic.accumulatedTo).map(({ bucketS }) => ({
        bucketS,
        latency: signal === "latency" ? tallies : NONE,
        errors: signal === "latency" ? NONE : tallies,
        unfinished: { treatment: item.unfinished?.[0] ?? 0, holdout: item.unfinished?.[1] ?? 0 },
      }));
      const upTo = traffic.accumulatedTo + item.buckets;
      return { ...evidence, traffic: accumulateTraffic(traffic, buckets, upTo, { rule, isKept }) };
    }
    case "activation":
    case "retention": {
      const threshold = signal === "activation" ? rule.activationThreshold : rule.retentionThreshold;
      const terms = { threshold, against: againstOf(rule, signal), isKept } as const;
      const seconds = SECONDS[age ?? ""];
      expect(evidence[signal].map(({ ageSeconds }) => ageSeconds)).toContain(seconds);
      return {
        ...evidence,
        [signal]: evidence[signal].map((part) =>
          part.ageSeconds === seconds
            ? accumulateOutcomes(part, from(part.accumulatedTo), part.accumulatedTo + item.buckets, terms)
            : part,
        ),
      };
    }
    default:
      throw new Error(`the specification has an unknown signal ${signal}`);
  }
};

const historyOf = (decided: string | undefined, cause: readonly string[] = []): History => ({
  epoch: 1,
  ruleVersion: 1,
  decided: decided === "KEEP" || decided === "ROLLBACK" ? decided : null,
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by hand in the specification
  cause: cause as SignalName[],
});

describe("specification", () => {
  const cases: Case[] = specification.cases;
  test.each(cases)("$title", (example) => {
    const rule = judgedRule(
      Rule.parse({ featureId: "feat_example", ...specification.rule, ...example.rule }),
      { holdoutBps: example.hasHoldout === true ? 5_000 : 0 },
    );
    const isKept = example.decided === "KEEP";
    const evidence = example.accumulated.reduce(
      (before, item) => accumulate(before, rule, item, isKept),
      emptyEvidence(agesOf(rule), 0, ROLLOUT),
    );
    const decision = decide({
      evidence,
      rule,
      history: historyOf(example.decided, example.cause),
      telemetry: {
        lagSeconds: example.lagSeconds === undefined ? 0 : example.lagSeconds,
        activationIsMeasured: example.activationIsMeasured ?? true,
      },
      now: example.secondsSinceStart ?? 0,
    });
    const { reason, ...rest } = example.expect;
    expect(decision, decision.reason).toMatchObject(rest);
    if (reason !== undefined) expect(decision.reason).toContain(reason);
    expect(decision.reason.startsWith(decision.state)).toBe(true);
  });
});

test("a decision says what it was made of, by which trial and by which version of the rule", () => {
  const rule = Rule.parse({ featureId: "feat_example", ...specification.rule });
  const empty = emptyEvidence(agesOf(rule), 0, ROLLOUT);
  const mature = { treatment: { n: 2000, s: 800 }, holdout: { n: 0, s: 0 } };
  const evidence: Evidence = {
    ...empty,
    activation: empty.activation.map((part) => Object.assign({}, part, { mature })),
    retention: empty.retention.map((part) => Object.assign({}, part, { mature })),
    traffic: { ...empty.traffic, p95Ms: { treatment: 0, holdout: null } },
  };
  const decision = decide({
    evidence,
    rule,
    history: { epoch: 3, ruleVersion: 7, decided: null, cause: [] },
    telemetry: { lagSeconds: 0, activationIsMeasured: true },
    now: 0,
  });
  expect(decision).toMatchObject({
    score: expect.closeTo(0.9 * 0.4, 12),
    details: { activation: 0.4, retention: 0.4, p95_latency: 0, error_rate: null },
    evidence: { sampleRatio: { logBar: Math.log(1000) } },
    epoch: 3,
    ruleVersion: 7,
  });
});

const tally = (most: number) =>
  fc
    .tuple(fc.integer({ min: 0, max: most }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([n, share]): Tally => ({ n, s: Math.round(n * share) }));
const tallies = fc.record({ treatment: tally(1_000_000_000), holdout: tally(1_000_000_000) });
const comparison = fc.constantFrom("threshold" as const, "holdout" as const, "both" as const);
const rate = fc.oneof(fc.constantFrom(0, 1, 0.02, 0.15, 0.4), fc.double({ min: 0, max: 1, noNaN: true }));
const rules = fc
  .record({
    activationThreshold: rate,
    retentionThreshold: rate,
    latencyP95Threshold: fc.constant(200),
    minCohortSize: fc.integer({ min: 1, max: 2000 }),
    evaluationWindowSeconds: fc.constant(3600),
    mode: fc.constant("enforce"),
    compare: fc.record({ activation: comparison, retention: comparison, latency: comparison }),
    onDeadline: fc.constantFrom("extend", "rollback"),
  })
  .chain((rule) =>
    fc
      .record(
        { errorRateThreshold: rate, prior: fc.record({ alpha: fc.constant(2), beta: fc.constant(8) }) },
        { requiredKeys: [] },
      )
      .map((more) => Rule.parse({ featureId: "feat_example", ...rule, ...more })),
  );

/** Anything a trial may have lived through. */
const lives = fc.record({
  rule: rules,
  activation: fc.array(tallies, { maxLength: 6 }),
  retention: fc.array(tallies, { maxLength: 6 }),
  requests: fc.array(tallies, { maxLength: 6 }),
  // Mostly of the sizes that the rollout makes: else nothing is decided at all.
  exposed: fc.oneof(
    { weight: 4, arbitrary: tally(1_000_000).map((one) => ({ treatment: one, holdout: one })) },
    { weight: 1, arbitrary: tallies },
  ),
  isKept: fc.boolean(),
});

type Life = Parameters<typeof fc.sample<typeof lives extends fc.Arbitrary<infer T> ? T : never>>[0] extends
  | fc.Arbitrary<infer T>
  | fc.IRawProperty<infer T>
  ? T
  : never;

const evidenceOf = ({ rule, activation, retention, requests, exposed, isKept }: Life): Evidence => {
  const empty = emptyEvidence(agesOf(rule), 0, ROLLOUT);
  const outcomes = (signal: "activation" | "retention", buckets: readonly ByCohort<Tally>[]) =>
    empty[signal].map((part) =>
      accumulateOutcomes(
        part,
        buckets.map((bucket, bucketS) => ({ bucketS, ...bucket })),
        buckets.length,
        {
          threshold: signal === "activation" ? rule.activationThreshold : rule.retentionThreshold,
          against: rule.compare[signal] ?? "threshold",
          isKept,
        },
      ),
    );
  return {
    ...empty,
    ...accumulateExposures(empty, [{ bucketS: 0, ...exposed }], 1, { rollout: ROLLOUT, now: 1 }),
    activation: outcomes("activation", activation),
    retention: outcomes("retention", retention),
    traffic: accumulateTraffic(
      empty.traffic,
      requests.map((one, bucketS) => ({ bucketS, latency: one, errors: one })),
      requests.length,
      { rule, isKept },
    ),
  };
};

const answer = (
  life: Life,
  given: {
    evidence?: Evidence;
    decided?: "KEEP" | "ROLLBACK" | null;
    measured?: boolean;
    lag?: number | null;
    now?: number;
  },
): Decision =>
  decide({
    evidence: given.evidence ?? evidenceOf(life),
    rule: life.rule,
    history: { epoch: 1, ruleVersion: 1, decided: given.decided ?? null, cause: [] },
    telemetry: {
      lagSeconds: given.lag === undefined ? 0 : given.lag,
      activationIsMeasured: given.measured ?? true,
    },
    now: given.now ?? 0,
  });

const numbersIn = (value: unknown): number[] => {
  if (typeof value === "number") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(numbersIn);
};

describe("whatever a trial has lived through", () => {
  test("no number is NaN, and the evidence survives JSON", () => {
    fc.assert(
      fc.property(lives, (life) => {
        const evidence = evidenceOf(life);
        const decision = explainDecision(answer(life, { evidence }), life.rule, 7);
        expect(numbersIn(decision).every((value) => !Number.isNaN(value))).toBe(true);
        expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
        expect(decision.reason).not.toMatch(/NaN|undefined|null|Infinity/);
      }),
      { numRuns: 500 },
    );
  });

  test("more bad evidence never turns ROLLBACK into anything else", () => {
    fc.assert(
      fc.property(lives, fc.integer({ min: 1, max: 100_000 }), (life, failures) => {
        fc.pre(life.rule.compare.activation === "threshold" && life.rule.activationThreshold > 0);
        const evidence = evidenceOf(life);
        const worse: Evidence = {
          ...evidence,
          activation: evidence.activation.map((part) => ({
            ...part,
            mature: {
              ...part.mature,
              treatment: { n: part.mature.treatment.n + failures, s: part.mature.treatment.s },
            },
          })),
        };
        const before = answer(life, { evidence });
        const after = answer(life, { evidence: worse });
        if (before.action === "ROLLBACK") expect(after.action).toBe("ROLLBACK");
        // Units that failed are counted too: with a floor near zero, they can be the ones that a KEEP still lacked.
        const lackedUnits = evidence.activation.some(
          ({ mature }) => mature.treatment.n < life.rule.minCohortSize,
        );
        if (before.action !== "KEEP" && !lackedUnits) expect(after.action).not.toBe("KEEP");
      }),
      { numRuns: 500 },
    );
  });

  test("a success that becomes a failure, or a request that becomes a bad one, never helps the feature", () => {
    const seen = { rollbacks: 0, compared: 0 };
    fc.assert(
      fc.property(
        lives,
        fc.record({
          signal: fc.constantFrom("activation" as const, "retention" as const, "requests" as const),
          bucket: fc.nat(5),
          part: fc.double({ min: 0.001, max: 1, noNaN: true }),
          decided: fc.constantFrom(null, "KEEP" as const),
        }),
        (life, { signal, bucket, part, decided }) => {
          const spoilt = life[signal].map((one, index) => {
            const { n, s } = one.treatment;
            if (index !== bucket) return one;
            const bad = signal === "requests" ? s + Math.ceil((n - s) * part) : Math.floor(s * (1 - part));
            return { treatment: { n, s: bad }, holdout: one.holdout };
          });
          const before = answer(life, { decided });
          const after = answer({ ...life, [signal]: spoilt }, { decided });
          const heldAgainst = ({ evidence }: Decision) => evidence.tests.map(({ against }) => against).join();
          // Treatment's successes can show that the holdout cannot act, and then the floor decides alone.
          fc.pre(heldAgainst(before) === heldAgainst(after));
          for (const [index, one] of before.evidence.tests.entries()) {
            const { logEvidence = Number.NaN } = after.evidence.tests[index] ?? {};
            expect(logEvidence).toBeGreaterThanOrEqual(
              one.logEvidence - 1e-9 * Math.abs(one.logEvidence) - 1e-9,
            );
          }
          if (before.action === "ROLLBACK") expect(after.action).toBe("ROLLBACK");
          if (before.action !== "KEEP") expect(after.action).not.toBe("KEEP");
          if (before.action === "ROLLBACK") seen.rollbacks++;
          if (
            before.action === "ROLLBACK" &&
            before.evidence.tests.some(({ against }) => against === "holdout")
          )
            seen.compared++;
        },
      ),
      { numRuns: 500 },
    );
    expect(seen.rollbacks).toBeGreaterThan(20);
    expect(seen.compared).toBeGreaterThan(5);
  });

  test("a rollback is latched", () => {
    fc.assert(
      fc.property(
        lives,
        fc.record({
          lag: fc.option(fc.integer({ min: 0, max: 1000 })),
          now: fc.integer({ min: 0, max: 1_000_000 }),
          measured: fc.boolean(),
        }),
        (life, given) => {
          expect(answer(life, { ...given, decided: "ROLLBACK" }).action).toBe("ROLLBACK");
        },
      ),
    );
  });

  test("missing data never decides", () => {
    fc.assert(
      fc.property(lives, (life) => {
        expect(answer(life, { lag: null }).action).toBe("WAIT");
        const silent = { ...life, retention: [], requests: [] };
        const decision = answer(silent, { measured: false, now: 1e9 });
        expect(decision.action).toBe("WAIT");
        const alone = (all: readonly ByCohort<Tally>[]) =>
          all.map(({ treatment }) => ({ treatment, holdout: { n: 0, s: 0 } }));
        const unmatched = answer(
          {
            ...life,
            activation: alone(life.activation),
            retention: alone(life.retention),
            requests: alone(life.requests),
          },
          {},
        );
        for (const { signal, against, logEvidence } of unmatched.evidence.tests)
          if (against === "holdout") expect([signal, logEvidence]).toEqual([signal, expect.closeTo(0, 9)]);
        const empty = answer({ ...life, activation: [], retention: [], requests: [] }, { now: 1e9 });
        expect(empty.action).toBe("WAIT");
      }),
    );
  });

  test("units exposed while the edges take up a changed rollout belong to neither period", () => {
    const rule = Rule.parse({ featureId: "feat_example", ...specification.rule });
    const bucketAt = (bucketS: number) => ({
      bucketS,
      treatment: { n: 100, s: 100 },
      holdout: { n: 100, s: 100 },
    });
    const raised = { rolloutBps: 8000, holdoutBps: 1000 };
    const noticed = accumulateExposures(emptyEvidence(agesOf(rule), 0, ROLLOUT), [bucketAt(0)], 180, {
      rollout: raised,
      now: 400,
    });
    const later = accumulateExposures(noticed, [bucketAt(180), bucketAt(360), bucketAt(540)], 720, {
      rollout: raised,
      now: 800,
    });
    expect(later.sampleRatio).toMatchObject({ ...raised, since: 410, treatment: 100, holdout: 100 });
    expect(later.exposed).toMatchObject({ treatment: 400, holdout: 400 });
  });

  test("accumulating the same buckets again changes nothing", () => {
    fc.assert(
      fc.property(lives, fc.array(tallies, { maxLength: 5 }), (life, again) => {
        const evidence = evidenceOf(life);
        const { rule, isKept } = life;
        const buckets = again.map((bucket, bucketS) => ({ bucketS: bucketS - again.length, ...bucket }));
        const terms = { threshold: rule.activationThreshold, against: "holdout", isKept } as const;
        const [first] = evidence.activation;
        if (first !== undefined)
          expect(accumulateOutcomes(first, buckets, first.accumulatedTo, terms)).toEqual(first);
      }),
    );
  });
});
