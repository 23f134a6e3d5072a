// What an alarm of a kept feature comes to, on tests and evidence that are made up.
import { describe, expect, test } from "vitest";
import type { TestReport } from "../../../origin/decide/decision.ts";
import { emptyEvidence, type Evidence, type OutcomeEvidence } from "../../../origin/decide/evidence.ts";
import { watch } from "../../../origin/decide/watch.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const rule = Rule.parse({
  featureId: "feat_example",
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 200,
  minCohortSize: 1000,
  evaluationWindowSeconds: 3600,
});
const ages = agesOf(rule);
const empty = emptyEvidence(ages, 0, { rolloutBps: 5000, holdoutBps: 5000 });

const alarm = {
  logEvidence: 9,
  logBar: 9,
  comparison: null,
  treatment: { n: 500, s: 50 },
  holdout: null,
};
const fallen: TestReport = {
  signal: "activation",
  against: "threshold",
  ageSeconds: 86_400,
  threshold: 0.15,
  treatment: { n: 5000, s: 1000 },
  holdout: null,
  immature: 0,
  leftOut: 0,
  rate: 0.2,
  logEvidence: -50,
  logBar: 9,
  comparison: null,
  onlyTreatment: null,
  alarm,
  counts: true,
};

/** Whose newest units succeed at `recent`, and all at `all`. */
const outcome = (parts: readonly OutcomeEvidence[], all: number, recent: number): OutcomeEvidence[] =>
  parts.map((part) => ({
    ...part,
    mature: { ...part.mature, treatment: { n: 10_000, s: 10_000 * all } },
    sinceKept: { ...part.sinceKept, recent: { n: 1_000, s: 1_000 * recent } },
  }));
const evidenceWith = (activation: [number, number], retention: [number, number]): Evidence => ({
  ...empty,
  activation: outcome(empty.activation, ...activation),
  retention: outcome(empty.retention, ...retention),
});

const steady = evidenceWith([0.2, 0.1], [0.5, 0.5]);

describe("without a holdout", () => {
  test("an alarm rolls back while the other outcome is as ever", () => {
    expect(watch([fallen], rule, steady)).toEqual({ alarmed: [fallen], warning: null });
  });

  test.each([
    { title: "as much", retention: [0.5, 0.25], isAlarm: false },
    { title: "a third as much", retention: [0.5, 0.4166], isAlarm: false },
    { title: "a little less than a third as much", retention: [0.5, 0.4168], isAlarm: true },
    { title: "nothing", retention: [0.5, 0.55], isAlarm: true },
  ] satisfies { title: string; retention: [number, number]; isAlarm: boolean }[])(
    "when the other outcome has lost $title an alarm is one: $isAlarm",
    ({ retention, isAlarm }) => {
      const { alarmed, warning } = watch([fallen], rule, evidenceWith([0.2, 0.1], retention));
      expect(alarmed).toEqual(isAlarm ? [fallen] : []);
      if (isAlarm) expect(warning).toBe(null);
      else
        expect(warning).toBe(
          "activation has fallen since the feature was kept (50 of 500), and retention with it: these are other visitors than before, and no holdout can tell them from the feature; look yourself",
        );
    },
  );

  test("a fall of the other outcome by less than a twentieth is chance", () => {
    const mild = [0.2, 0.19] as [number, number];
    expect(watch([fallen], rule, evidenceWith(mild, [0.5, 0.476])).alarmed).toEqual([fallen]);
    expect(watch([fallen], rule, evidenceWith(mild, [0.5, 0.474])).alarmed).toEqual([]);
  });

  test("what is not known of the other outcome makes no alarm void", () => {
    for (const evidence of [
      evidenceWith([0.2, 0.1], [0, 0]),
      { ...steady, retention: empty.retention },
      { ...steady, retention: [] },
      { ...steady, activation: empty.activation },
    ])
      expect(watch([fallen], rule, evidence).alarmed).toEqual([fallen]);
  });

  test("what is not known of the fall itself makes no alarm void", () => {
    const others = evidenceWith([0.2, 0.1], [0.5, 0.1]);
    expect(watch([fallen], rule, others).alarmed).toEqual([]);
    const none = { n: 0, s: 0 };
    const unknownBefore = others.activation.map((part) => ({
      ...part,
      mature: { ...part.mature, treatment: none },
    }));
    const unknownLately = others.activation.map((part) => ({
      ...part,
      sinceKept: { ...part.sinceKept, recent: none },
    }));
    for (const activation of [
      unknownBefore,
      unknownLately,
      evidenceWith([0, 0.1], [0.5, 0.1]).activation,
      empty.activation,
    ])
      expect(watch([fallen], rule, { ...others, activation }).alarmed).toEqual([fallen]);
    expect(watch([fallen], rule, evidenceWith([1, 0.5], [0.5, 0.1])).alarmed).toEqual([]);
  });

  test("from exactly a third of the fall on the other outcome has fallen with it", () => {
    expect(watch([fallen], rule, evidenceWith([0.5, 0.125], [0.5, 0.375])).alarmed).toEqual([]);
  });

  test("the fall of activation is that of its whole window", () => {
    const others = evidenceWith([0.2, 0.1], [0.5, 0.35]);
    const activation = others.activation.map((part, index, all) =>
      index === all.length - 1
        ? part
        : { ...part, sinceKept: { ...part.sinceKept, recent: { n: 1_000, s: 0 } } },
    );
    expect(watch([fallen], rule, { ...others, activation }).alarmed).toEqual([]);
  });

  test("retention is held beside activation at its youngest age", () => {
    const retention = { ...fallen, signal: "retention", threshold: 0.4 } as const;
    const parts = evidenceWith([0.2, 0.2], [0.5, 0.2]);
    expect(watch([retention], rule, parts).alarmed).toEqual([retention]);
    const [youngest, ...older] = parts.activation;
    if (youngest === undefined) throw new Error("an age was expected");
    const fewer = { ...youngest, sinceKept: { ...youngest.sinceKept, recent: { n: 1_000, s: 100 } } };
    const { alarmed, warning } = watch([retention], rule, { ...parts, activation: [fewer, ...older] });
    expect(alarmed).toEqual([]);
    expect(warning).toContain(
      "retention has fallen since the feature was kept (50 of 500), and activation with it",
    );
  });

  test("requests know of no other outcome", () => {
    const slow = { ...fallen, signal: "latency", ageSeconds: null, threshold: 0.05 } as const;
    const { alarmed, warning } = watch([slow], rule, evidenceWith([0.2, 0.1], [0.5, 0.1]));
    expect({ alarmed, warning }).toEqual({ alarmed: [slow], warning: null });
  });

  test("a crowd or a lack of visitors is said, where units are watched", () => {
    const quiet = { ...fallen, alarm: null };
    const few = (parts: readonly OutcomeEvidence[]) =>
      parts.map((part) => ({
        ...part,
        accumulatedTo: 20 * 86_400,
        volume: {
          from: 19 * 86_400,
          knownTo: 22 * 86_400,
          units: 100_000,
          seconds: 10 * 86_400,
          cells: [[20 * 86_400, 1_000]] as const,
        },
      }));
    const lately = { ...steady, activation: few(steady.activation) };
    expect(watch([quiet], rule, lately)).toEqual({
      alarmed: [],
      warning: expect.stringMatching(
        /^[\d.]+ % of the usual visitors came lately, so activation of these raises no alarm: no holdout can tell them from the feature$/,
      ),
    });
    const ofWholeWindow = lately.activation.map((part, index, all) =>
      index === all.length - 1
        ? { ...part, sinceKept: { ...part.sinceKept, recent: { n: 1_000, s: 0 } } }
        : { ...part, volume: empty.activation[0]?.volume ?? part.volume },
    );
    expect(watch([quiet], rule, { ...lately, activation: ofWholeWindow }).warning).toMatch(
      /^[\d.]+ % of the usual visitors/,
    );
    expect(watch([quiet], rule, { ...lately, activation: [] }).warning).toBe(null);
    const unwatched = { ...lately, activation: few(empty.activation) };
    expect(watch([quiet], rule, unwatched).warning).toBe(null);
    expect(watch([{ ...quiet, against: "both" }], rule, lately).warning).toBe(null);
    expect(watch([{ ...quiet, signal: "latency", ageSeconds: null }], rule, lately).warning).toBe(null);
  });
});

describe("beside a holdout", () => {
  const both: TestReport = {
    ...fallen,
    against: "both",
    alarm: { ...alarm, comparison: { logEvidence: 9, logBar: 9 }, holdout: { n: 400, s: 80 } },
  };

  test("an alarm rolls back, whatever the other outcome does", () => {
    const { alarmed, warning } = watch([both], rule, evidenceWith([0.2, 0.1], [0.5, 0.1]));
    expect({ alarmed, warning }).toEqual({ alarmed: [both], warning: null });
  });

  test("a fall that is not shown beside the holdout is a warning with both counts", () => {
    const shared = { ...alarm, comparison: { logEvidence: 1, logBar: 9 }, holdout: { n: 400, s: 39 } };
    expect(watch([{ ...both, alarm: shared }], rule, steady)).toEqual({
      alarmed: [],
      warning:
        "activation is worse than when the feature was kept (50 of 500), but not shown to be worse than the holdout's (39 of 400): what befalls everybody closes nothing",
    });
    expect(watch([{ ...both, alarm: { ...shared, holdout: null } }], rule, steady).warning).toContain(
      "the holdout's (nobody)",
    );
  });
});

test("several warnings are one text, and without any there is none", () => {
  const other = evidenceWith([0.2, 0.1], [0.5, 0.25]);
  const retention = { ...fallen, signal: "retention", threshold: 0.4 } as const;
  expect(watch([fallen, retention], rule, other).warning?.split("; activation has").length).toBe(1);
  expect(watch([fallen, retention], rule, other).warning).toMatch(/look yourself; retention has fallen/);
  expect(watch([], rule, other)).toEqual({ alarmed: [], warning: null });
});
