// A lowered rollout or holdout: who is left out, whatever they did.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyEvidence, type Evidence } from "../../../origin/decide/evidence.ts";
import { judgedRule } from "../../../origin/decide/judged-rule.ts";
import { takeInRollout } from "../../../origin/decide/lowered-shares.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ruleOf = (over: object = {}) =>
  judgedRule(
    Rule.parse({
      featureId: "feat_example",
      activationThreshold: 0.15,
      retentionThreshold: 0.4,
      latencyP95Threshold: 200,
      minCohortSize: 100,
      evaluationWindowSeconds: 86_400,
      activationWindowSeconds: 3_600,
      ...over,
    }),
    { holdoutBps: 2_000 },
  );
const before = { rolloutBps: 5_000, holdoutBps: 2_000 };
const rule = ruleOf();
const { bucketSeconds } = agesOf(rule);

/** 1,000 exposed in treatment, 300 of them mature at each age, a trial from 0 on. */
const evidence = (): Evidence => {
  const empty = emptyEvidence(agesOf(rule), 0, before);
  const mature = { treatment: { n: 300, s: 60 }, holdout: { n: 120, s: 24 } };
  const outcomesOf = (signal: "activation" | "retention") =>
    empty[signal].map((part) => ({ ...part, accumulatedTo: 3 * bucketSeconds, mature }));
  return {
    ...empty,
    exposed: { ...empty.exposed, accumulatedTo: 10 * bucketSeconds, treatment: 1_000, holdout: 400 },
    activation: outcomesOf("activation"),
    retention: outcomesOf("retention"),
  };
};
const now = 10 * bucketSeconds + 1;
const changeTo = (rollout: typeof before, asked = rule) =>
  takeInRollout(evidence(), { rule: asked, rollout, bucketSeconds, now });

describe("a lowered rollout", () => {
  test("leaves out who is not mature, at every age of both outcomes, until edges have taken it up", () => {
    const lowered = changeTo({ ...before, rolloutBps: 4_999 });
    for (const part of [...(lowered?.activation ?? []), ...(lowered?.retention ?? [])]) {
      expect(part.leftOut).toBe(700);
      expect(part.accumulatedTo).toBe(11 * bucketSeconds);
      expect(part.accumulatedTo).toBeGreaterThanOrEqual(now + 10);
      expect(part.mature).toEqual(evidence().activation[0]?.mature);
      expect(part.worseThanHoldout).toEqual(evidence().activation[0]?.worseThanHoldout);
    }
    expect(lowered?.sampleRatio).toMatchObject({ rolloutBps: 4_999, since: now + 10, treatment: 0 });
    expect(lowered?.traffic).toEqual(evidence().traffic);
  });

  test("leaves out the same units whatever they did, and by how much it was lowered", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 4_999 }), (s, rolloutBps) => {
        const given = evidence();
        const activation = given.activation.map((part) => ({
          ...part,
          mature: { ...part.mature, treatment: { n: 300, s } },
        }));
        const change = { rule, rollout: { ...before, rolloutBps }, bucketSeconds, now };
        const lowered = takeInRollout({ ...given, activation }, change);
        expect(lowered?.activation.map(({ leftOut, accumulatedTo }) => [leftOut, accumulatedTo])).toEqual(
          activation.map(() => [700, 11 * bucketSeconds]),
        );
      }),
    );
  });

  test("a second time adds those who came since, and an age that is further ahead stays there", () => {
    const once = changeTo({ ...before, rolloutBps: 4_000 });
    if (once === null) throw new Error("nothing was taken in");
    const later = {
      ...once,
      exposed: { ...once.exposed, accumulatedTo: 12 * bucketSeconds, treatment: 1_500 },
    };
    const rollout = { ...before, rolloutBps: 1_000 };
    const at = { rule, rollout, bucketSeconds, now: 12 * bucketSeconds };
    expect(takeInRollout(later, at)?.activation.map(({ leftOut }) => leftOut)).toEqual(
      later.activation.map(() => 1_200),
    );
    const [youngest] = later.activation;
    if (youngest === undefined) throw new Error("there is no age");
    const ahead = { ...later, activation: [{ ...youngest, accumulatedTo: 99 * bucketSeconds }] };
    expect(takeInRollout(ahead, at)?.activation[0]?.accumulatedTo).toBe(99 * bucketSeconds);
  });
});

test("a raised rollout or holdout leaves nobody out, and begins a new period", () => {
  for (const rollout of [
    { ...before, rolloutBps: 5_001 },
    { ...before, holdoutBps: 2_001 },
  ]) {
    const raised = changeTo(rollout);
    expect(raised?.activation).toEqual(evidence().activation);
    expect(raised?.retention).toEqual(evidence().retention);
    expect(raised?.sampleRatio).toMatchObject({ ...rollout, since: now + 10 });
  }
});

test("a rollout that is the same changes nothing", () => {
  expect(changeTo(before)).toBeNull();
});

test("a lowered holdout leaves out the signals that are held beside it, and no others", () => {
  const rollout = { ...before, holdoutBps: 1_999 };
  const lowered = changeTo(rollout, ruleOf({ compare: { activation: "threshold" } }));
  expect(lowered?.activation).toEqual(evidence().activation);
  expect(lowered?.retention.map(({ leftOut }) => leftOut)).toEqual(evidence().retention.map(() => 700));
  const alone = changeTo(rollout, ruleOf({ compare: { retention: "holdout" } }));
  expect(alone?.activation.every(({ leftOut }) => leftOut === 700)).toBe(true);
});

test("a rollout that is lowered in favour of the holdout leaves out both outcomes, whatever they are held against", () => {
  const asked = ruleOf({ compare: { activation: "threshold", retention: "threshold" } });
  const lowered = changeTo({ rolloutBps: 2_000, holdoutBps: 8_000 }, asked);
  expect(lowered?.activation.every(({ leftOut }) => leftOut === 700)).toBe(true);
});
