import { expect, test } from "vitest";
import { newFeature } from "../../../origin/features/new-feature.ts";
import {
  prepareCreate,
  prepareDelete,
  prepareEnable,
  prepareRollout,
  prepareRule,
  prepareUpdate,
} from "../../../origin/features/prepare-change.ts";
import { Rule } from "../../../shared/features/rule.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { recordOf, relatedOf, rolledBackRecordOf } from "../../support/feature-record.ts";

const a = FeatureId.parse("a");
const why = { reason: "because" };
const none = relatedOf();
const open = relatedOf(recordOf("a"));
const rolledBack = relatedOf(rolledBackRecordOf("a"));

test("a new feature begins in epoch 1, unlatched, and only where there is none yet", () => {
  const feature = newFeature({ featureId: a });
  expect(prepareCreate(none, feature, why)).toMatchObject({
    ok: true,
    value: [
      {
        featureId: "a",
        expectedVersion: null,
        kind: "create",
        reason: "because",
        next: { epoch: 1, enabled: false, rolloutBps: 0, holdoutBps: 1_000, latched: false },
        rule: null,
      },
    ],
  });
  expect(prepareCreate(open, feature, why)).toMatchObject({ error: { reason: "alreadyExists", have: 3 } });
});

const prepared: [string, (related: typeof open, expectedVersion?: number) => unknown][] = [
  [
    "an edit",
    (related, expectedVersion) => prepareUpdate(related, { featureId: a, expectedVersion }, {}, why),
  ],
  [
    "a rollout",
    (related, expectedVersion) =>
      prepareRollout(related, { featureId: a, expectedVersion }, { rolloutBps: 6_000 }, why),
  ],
  [
    "a deletion",
    (related, expectedVersion) => prepareDelete(related, { featureId: a, expectedVersion }, why),
  ],
];

test.each(prepared)(
  "%s applies to the version that the caller saw, or to any, and to nothing else",
  (_, prepare) => {
    expect(prepare(open)).toMatchObject({ ok: true, value: [{ expectedVersion: 3 }] });
    expect(prepare(open, 3)).toMatchObject({ ok: true });
    expect(prepare(open, 2)).toMatchObject({ error: { reason: "versionConflict", have: 3 } });
    expect(prepare(none)).toMatchObject({ error: { reason: "notFound", featureId: "a" } });
  },
);

test("an edit changes the fields that it names and no others", () => {
  const record = recordOf("a", { tags: ["checkout"] });
  expect(prepareUpdate(relatedOf(record), { featureId: a }, { failureMode: "closed" }, why)).toMatchObject({
    value: [
      {
        kind: "update",
        details: { edit: { failureMode: "closed" } },
        next: { failureMode: "closed", rolloutBps: 5_000, epoch: 2, enabled: true, tags: ["checkout"] },
      },
    ],
  });
});

test("an edit gives a rolled-back feature no rollout, and may change all else of it", () => {
  expect(prepareUpdate(rolledBack, { featureId: a }, { rolloutBps: 1 }, why)).toMatchObject({
    error: { reason: "alreadyClosed", have: 3 },
  });
  expect(prepareUpdate(rolledBack, { featureId: a }, { rolloutBps: 0, tags: ["x"] }, why)).toMatchObject({
    value: [{ next: { tags: ["x"], latched: true, rolloutBeforeBps: 4_000, rollbackReason: "too slow" } }],
  });
});

test("a rollout is refused for a rolled-back feature, and records where it came from", () => {
  expect(prepareRollout(rolledBack, { featureId: a }, { rolloutBps: 100 }, why)).toMatchObject({
    error: { reason: "alreadyClosed" },
  });
  expect(prepareRollout(open, { featureId: a, endsTrial: true }, { rolloutBps: 9_000 }, why)).toMatchObject({
    value: [
      {
        kind: "rollout",
        details: { from: 5_000, to: 9_000 },
        endsTrial: true,
        next: { rolloutBps: 9_000, epoch: 2 },
      },
    ],
  });
});

test("a rollout that names the holdout changes it in the same step, and the audit has both", () => {
  const shares = { rolloutBps: 10_000, holdoutBps: 0 };
  expect(prepareRollout(open, { featureId: a }, shares, why)).toMatchObject({
    value: [{ details: { from: 5_000, to: 10_000, holdoutFrom: 1_000, holdoutTo: 0 }, next: shares }],
  });
});

test("enabling begins the next epoch at the rollout of before the rollback, or at the one that is named", () => {
  expect(prepareEnable(rolledBack, { featureId: a }, {}, why)).toMatchObject({
    value: [
      {
        kind: "enable",
        details: { rolloutBps: 4_000 },
        next: {
          enabled: true,
          epoch: 3,
          rolloutBps: 4_000,
          rolloutBeforeBps: null,
          rollbackReason: null,
          latched: false,
        },
      },
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

test("a rule is set for the feature that it names, and leaves the feature's state as it is", () => {
  const rule = Rule.parse({
    featureId: "a",
    activationThreshold: 0.15,
    retentionThreshold: 0.2,
    latencyP95Threshold: 800,
    minCohortSize: 100,
    evaluationWindowSeconds: 3_600,
  });
  expect(prepareRule(open, { featureId: a }, rule, why)).toMatchObject({
    value: [{ kind: "rule", rule, next: { rolloutBps: 5_000, enabled: true, epoch: 2 } }],
  });
  const other = { ...rule, featureId: FeatureId.parse("b") };
  expect(prepareRule(open, { featureId: a }, other, why)).toMatchObject({
    error: { reason: "invalid", errors: [{ field: "featureId" }] },
  });
});
