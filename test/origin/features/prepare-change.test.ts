import { expect, test } from "vitest";
import { newFeature } from "../../../origin/features/new-feature.ts";
import {
  prepareCreate,
  prepareDelete,
  prepareEnable,
  prepareRestart,
  prepareRollout,
  prepareRule,
  prepareUpdate,
} from "../../../origin/features/prepare-change.ts";
import { prepareRollback } from "../../../origin/features/prepare-rollback.ts";
import { Rule } from "../../../shared/features/rule.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { recordOf, relatedOf, rolledBackRecordOf } from "../../support/feature-record.ts";

const a = FeatureId.parse("a");
const why = { reason: "because" };
const none = relatedOf();
const open = relatedOf(recordOf("a"));
const rolledBack = relatedOf(rolledBackRecordOf("a"));

/** What every change of the open feature has, and what it keeps of the feature. */
const changeOfA = {
  featureId: "a",
  expectedVersion: 3,
  reason: "because",
  details: {},
  rule: null,
};
const stateOfA = {
  enabled: true,
  rolloutBps: 5_000,
  holdoutBps: 1_000,
  epoch: 2,
  unit: "visitor",
  failureMode: "static",
  private: false,
  targeting: null,
  writtenTargeting: null,
  segments: [],
  routes: [],
  gate: null,
  activation: null,
  tags: [],
  requires: [],
  owner: null,
  description: null,
  link: null,
  removeAfter: null,
  lockdown: false,
  rolloutBeforeBps: null,
  rollbackReason: null,
  latched: false,
};

const rule = Rule.parse({
  featureId: "a",
  activationThreshold: 0.15,
  retentionThreshold: 0.2,
  latencyP95Threshold: 800,
  minCohortSize: 100,
  evaluationWindowSeconds: 3_600,
});

test("a new feature begins in epoch 1, unlatched, and only where there is none yet", () => {
  const feature = newFeature({ featureId: a, rolloutBps: 2_000, rule });
  const { featureId: _id, rule: _rule, ...fields } = feature;
  expect(prepareCreate(none, feature, why)).toStrictEqual({
    ok: true,
    value: [
      {
        ...changeOfA,
        expectedVersion: null,
        kind: "create",
        details: fields,
        next: { ...stateOfA, enabled: false, rolloutBps: 2_000, epoch: 1 },
        rule,
      },
    ],
  });
  expect(prepareCreate(open, feature, why)).toEqual({
    ok: false,
    error: { reason: "alreadyExists", have: 3 },
  });
});

type Prepare = (related: typeof open, expectedVersion?: number) => ReturnType<typeof prepareUpdate>;
const kinds: [string, Prepare, object][] = [
  [
    "an edit",
    (related, expectedVersion) =>
      prepareUpdate(related, { featureId: a, expectedVersion }, { failureMode: "closed" }, why),
    {
      kind: "update",
      details: { edit: { failureMode: "closed" } },
      next: { ...stateOfA, failureMode: "closed" },
    },
  ],
  [
    "a rollout",
    (related, expectedVersion) =>
      prepareRollout(related, { featureId: a, expectedVersion, endsTrial: true }, { rolloutBps: 9_000 }, why),
    {
      kind: "rollout",
      details: { from: 5_000, to: 9_000 },
      next: { ...stateOfA, rolloutBps: 9_000 },
      endsTrial: true,
    },
  ],
  [
    "a new trial",
    (related, expectedVersion) => prepareRestart(related, { featureId: a, expectedVersion }, why),
    { kind: "rollout", details: { newTrial: true }, next: stateOfA, restartsTrial: true },
  ],
  [
    "a rule",
    (related, expectedVersion) => prepareRule(related, { featureId: a, expectedVersion }, rule, why),
    { kind: "rule", details: { rule }, next: stateOfA, rule },
  ],
  [
    "a deletion",
    (related, expectedVersion) => prepareDelete(related, { featureId: a, expectedVersion }, why),
    { kind: "delete", details: { tags: [] }, next: null },
  ],
];

test.each(kinds)(
  "%s changes what it names, says so to the audit, and keeps everything else",
  (_, prepare, change) => {
    expect(prepare(open)).toStrictEqual({ ok: true, value: [{ ...changeOfA, ...change }] });
  },
);

const versioned: [string, Prepare][] = [
  ...kinds.map(([name, prepare]): [string, Prepare] => [name, prepare]),
  [
    "an enable",
    (related, expectedVersion) => prepareEnable(related, { featureId: a, expectedVersion }, {}, why),
  ],
];

test.each(versioned)(
  "%s applies to the version that the caller saw, or to any, and to nothing else",
  (_, prepare) => {
    const related = prepare(open).ok ? open : rolledBack;
    expect(prepare(related).ok).toBe(true);
    expect(prepare(related, 3).ok).toBe(true);
    expect(prepare(related, 2)).toEqual({ ok: false, error: { reason: "versionConflict", have: 3 } });
    expect(prepare(none)).toEqual({ ok: false, error: { reason: "notFound", featureId: "a" } });
  },
);

test("an edit of the tags keeps the rollout, and of the rollout the tags", () => {
  const tagged = relatedOf(recordOf("a", { tags: ["checkout"] }));
  expect(prepareUpdate(tagged, { featureId: a }, { rolloutBps: 1 }, why)).toMatchObject({
    value: [{ next: { tags: ["checkout"], rolloutBps: 1 } }],
  });
});

const tooMuch = { reason: "invalid", errors: [{ field: "rolloutBps" }] };
const tooMuchNamed = { reason: "invalid", errors: [{ field: "holdoutBps" }] };
const whole = { rolloutBps: 10_000 };

test.each([
  [
    "an edit",
    (shares: typeof whole & { holdoutBps?: number }) => prepareUpdate(open, { featureId: a }, shares, why),
  ],
  [
    "a rollout",
    (shares: typeof whole & { holdoutBps?: number }) => prepareRollout(open, { featureId: a }, shares, why),
  ],
  [
    "an enable",
    (shares: typeof whole & { holdoutBps?: number }) =>
      prepareEnable(rolledBack, { featureId: a }, shares, why),
  ],
])("%s that leaves no room for the holdout is refused, unless it names the holdout", (_, prepare) => {
  expect(prepare(whole)).toMatchObject({ error: tooMuch });
  expect(prepare({ ...whole, holdoutBps: 1 })).toMatchObject({ error: tooMuchNamed });
  expect(prepare({ ...whole, holdoutBps: 0 })).toMatchObject({
    value: [{ next: { ...whole, holdoutBps: 0 } }],
  });
});

test("a new feature and an edit are refused with overlapping shares, a gate without routes, or a missing requirement", () => {
  const gate = { whenClosed: { action: "notFound" } } as const;
  const wrong = [
    [{ rolloutBps: 9_500, holdoutBps: 501 }, "holdoutBps"],
    [{ gate }, "gate.whenClosed"],
    [{ requires: [FeatureId.parse("nowhere")] }, "requires"],
  ] as const;
  for (const [fields, field] of wrong) {
    const error = { reason: "invalid", errors: [{ field }] };
    expect(prepareCreate(none, newFeature({ featureId: a, ...fields }), why)).toMatchObject({ error });
    expect(prepareUpdate(open, { featureId: a }, fields, why)).toMatchObject({ error });
  }
});

test("an edit changes the unit of a closed feature only", () => {
  expect(prepareUpdate(open, { featureId: a }, { unit: "user" }, why)).toMatchObject({
    error: { reason: "invalid", errors: [{ field: "unit" }] },
  });
  expect(prepareUpdate(rolledBack, { featureId: a }, { unit: "user" }, why)).toMatchObject({
    value: [{ next: { unit: "user" } }],
  });
});

test("an edit gives a rolled-back feature no rollout, and may change all else of it", () => {
  expect(prepareUpdate(rolledBack, { featureId: a }, { rolloutBps: 1 }, why)).toMatchObject({
    error: { reason: "alreadyClosed", have: 3 },
  });
  expect(prepareUpdate(rolledBack, { featureId: a }, { tags: ["x"] }, why).ok).toBe(true);
  expect(prepareUpdate(rolledBack, { featureId: a }, { rolloutBps: 0, tags: ["x"] }, why)).toMatchObject({
    value: [{ next: { tags: ["x"], latched: true, rolloutBeforeBps: 4_000, rollbackReason: "too slow" } }],
  });
});

test("a rollout of a rolled-back feature is refused", () => {
  expect(prepareRollout(rolledBack, { featureId: a }, { rolloutBps: 100 }, why)).toEqual({
    ok: false,
    error: { reason: "alreadyClosed", have: 3 },
  });
});

test("a rollout that names the holdout changes it in the same step, and the audit has both", () => {
  const shares = { rolloutBps: 10_000, holdoutBps: 0 };
  expect(prepareRollout(open, { featureId: a }, shares, why)).toMatchObject({
    value: [{ details: { from: 5_000, to: 10_000, holdoutFrom: 1_000, holdoutTo: 0 }, next: shares }],
  });
});

test("enabling begins the next epoch at the rollout of before the rollback, or at the one that is named", () => {
  expect(prepareEnable(rolledBack, { featureId: a }, {}, why)).toStrictEqual({
    ok: true,
    value: [
      {
        ...changeOfA,
        kind: "enable",
        details: { rolloutBps: 4_000 },
        next: { ...stateOfA, epoch: 3, rolloutBps: 4_000 },
      },
    ],
  });
  expect(prepareEnable(rolledBack, { featureId: a }, { holdoutBps: 2_000 }, why)).toMatchObject({
    value: [
      { details: { rolloutBps: 4_000, holdoutFrom: 1_000, holdoutTo: 2_000 }, next: { holdoutBps: 2_000 } },
    ],
  });
  expect(prepareEnable(rolledBack, { featureId: a }, { rolloutBps: 10 }, why)).toMatchObject({
    value: [{ next: { rolloutBps: 10 } }],
  });
  const neverOpened = relatedOf(recordOf("a", { state: { enabled: false, rolloutBps: 2_000 } }));
  expect(prepareEnable(neverOpened, { featureId: a }, {}, why)).toMatchObject({
    value: [{ next: { rolloutBps: 2_000 } }],
  });
  expect(prepareEnable(open, { featureId: a }, {}, why)).toMatchObject({
    error: { reason: "alreadyOpen", have: 3 },
  });
});

test("a feature opens only while everything that it requires is open", () => {
  const closed = recordOf("a", { state: { enabled: false }, requires: ["base"] });
  const enable = (base: ReturnType<typeof recordOf>) =>
    prepareEnable(relatedOf(closed, base), { featureId: a }, {}, why);
  expect(enable(recordOf("base"))).toMatchObject({ ok: true });
  expect(enable(rolledBackRecordOf("base"))).toMatchObject({
    error: { reason: "requirementClosed", featureIds: ["base"] },
  });
});

test("a feature that another requires cannot be deleted", () => {
  const related = relatedOf(recordOf("a"), recordOf("b", { requires: ["a"] }), recordOf("c"));
  expect(prepareDelete(related, { featureId: a }, why)).toMatchObject({
    error: { reason: "requiredBy", featureIds: ["b"] },
  });
  expect(prepareDelete(open, { featureId: a }, why)).toMatchObject({
    value: [{ kind: "delete", next: null }],
  });
});

test("a rule for another feature is refused", () => {
  const other = { ...rule, featureId: FeatureId.parse("b") };
  expect(prepareRule(open, { featureId: a }, other, why)).toMatchObject({
    error: {
      reason: "invalid",
      errors: [{ field: "featureId", reason: "must be a, the feature that the rule is for" }],
    },
  });
});

test("a rule that the feature could never meet is refused, with a new feature and with one that is there", () => {
  const hopeless = { ...rule, compare: { latency: "holdout" as const } };
  const error = { reason: "invalid", errors: [{ field: "compare.latency" }] };
  const bare = newFeature({ featureId: a, holdoutBps: 0 });
  expect(prepareCreate(none, { ...bare, rule: hopeless }, why)).toMatchObject({ ok: false, error });
  expect(prepareCreate(none, { ...bare, rule }, why).ok).toBe(true);
  expect(prepareCreate(none, bare, why).ok).toBe(true);
  const withoutHoldout = relatedOf(recordOf("a", { state: { holdoutBps: 0 } }));
  expect(prepareRule(withoutHoldout, { featureId: a }, hopeless, why)).toMatchObject({ ok: false, error });
  expect(prepareRule(withoutHoldout, { featureId: a }, rule, why).ok).toBe(true);
  expect(prepareRule(open, { featureId: a }, hopeless, why).ok).toBe(true);
});

test("no change takes the holdout from a rule that compares with it, and a rollback closes the feature all the same", () => {
  const comparing = { ...rule, compare: { activation: "both" as const } };
  const compared = relatedOf(recordOf("a", { rule: comparing }));
  const closed = relatedOf(recordOf("a", { rule: comparing, state: { enabled: false } }));
  const error = { reason: "invalid", errors: [{ field: "holdoutBps" }] };
  const shares = { rolloutBps: 2_000, holdoutBps: 0 };
  expect(prepareRollout(compared, { featureId: a }, shares, why)).toMatchObject({ ok: false, error });
  expect(prepareUpdate(compared, { featureId: a }, { holdoutBps: 0 }, why)).toMatchObject({ error });
  expect(prepareUpdate(closed, { featureId: a }, { holdoutBps: 0 }, why)).toMatchObject({ error });
  expect(prepareEnable(closed, { featureId: a }, { holdoutBps: 0 }, why)).toMatchObject({ error });
  expect(prepareRollout(compared, { featureId: a }, { rolloutBps: 100 }, why).ok).toBe(true);
  expect(prepareEnable(closed, { featureId: a }, {}, why).ok).toBe(true);
  const blind = relatedOf(recordOf("a", { rule: comparing, state: { holdoutBps: 0 } }));
  expect(prepareUpdate(blind, { featureId: a }, { tags: ["x"] }, why).ok).toBe(true);
  expect(prepareRollout(blind, { featureId: a }, { rolloutBps: 100, holdoutBps: 0 }, why).ok).toBe(true);
  expect(prepareRollback(blind, { featureId: a }, why).ok).toBe(true);
});

test("a closed feature gets no new trial: opening it begins one", () => {
  const closed = relatedOf(recordOf("a", { state: { enabled: false } }));
  expect(prepareRestart(closed, { featureId: a }, why)).toEqual({
    ok: false,
    error: { reason: "alreadyClosed", have: 3 },
  });
});
