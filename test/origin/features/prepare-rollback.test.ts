import { expect, test } from "vitest";
import { prepareRollback, prepareTagRollback } from "../../../origin/features/prepare-rollback.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { recordOf, relatedOf, rolledBackRecordOf } from "../../support/feature-record.ts";

const base = FeatureId.parse("base");
const cause = { reason: "too slow" };
const rollBack = (
  related: ReturnType<typeof relatedOf>,
  target: { expectedVersion?: number; epoch?: number } = {},
) => prepareRollback(related, { featureId: base, ...target }, cause);

test("a rollback closes, latches, and keeps the rollout and the evidence for later", () => {
  const evidence = { users: 4_500 };
  expect(prepareRollback(relatedOf(recordOf("base")), { featureId: base }, { ...cause, evidence })).toEqual({
    ok: true,
    value: [
      expect.objectContaining({
        featureId: "base",
        expectedVersion: 3,
        kind: "rollback",
        reason: "too slow",
        details: { rolloutBeforeBps: 5_000, evidence },
        next: expect.objectContaining({
          enabled: false,
          rolloutBps: 0,
          rolloutBeforeBps: 5_000,
          rollbackReason: "too slow",
          latched: true,
          epoch: 2,
          holdoutBps: 1_000,
        }),
      }),
    ],
  });
});

test("a rollback without evidence keeps none", () => {
  const result = rollBack(relatedOf(recordOf("base")));
  expect(result.ok && result.value.map(({ details }) => Object.keys(details))).toEqual([
    ["rolloutBeforeBps"],
  ]);
});

test.each([
  ["another version", { expectedVersion: 2 }, { reason: "versionConflict", have: 3 }],
  ["another epoch", { epoch: 1 }, { reason: "epochConflict", have: 2 }],
  ["another epoch and version", { epoch: 1, expectedVersion: 1 }, { reason: "epochConflict", have: 2 }],
])("a decision about %s changes nothing", (_, target, error) => {
  expect(rollBack(relatedOf(recordOf("base")), target)).toEqual({ ok: false, error });
});

test("a decision about this version and epoch is carried out, as is a person's that names neither", () => {
  expect(rollBack(relatedOf(recordOf("base")), { epoch: 2, expectedVersion: 3 }).ok).toBe(true);
  expect(rollBack(relatedOf(recordOf("base"))).ok).toBe(true);
});

test("a feature that is closed, or is not there, cannot be rolled back", () => {
  expect(rollBack(relatedOf(rolledBackRecordOf("base")), { expectedVersion: 1 })).toEqual({
    ok: false,
    error: { reason: "alreadyClosed", have: 3 },
  });
  expect(rollBack(relatedOf())).toMatchObject({ error: { reason: "notFound" } });
});

test("all open features that require it, directly or through others, close with it and say why", () => {
  const result = rollBack(
    relatedOf(
      recordOf("top", { requires: ["middle"] }),
      recordOf("middle", { requires: ["base"] }),
      recordOf("base"),
      recordOf("other"),
      recordOf("closed", { requires: ["base"], state: { enabled: false } }),
    ),
  );
  const changes = result.ok ? result.value : [];
  expect(changes.map(({ featureId, reason }) => [featureId, reason])).toEqual([
    ["base", "too slow"],
    ["middle", "requires base: too slow"],
    ["top", "requires base: too slow"],
  ]);
  expect(changes[1]?.details).toEqual({ rolloutBeforeBps: 5_000, because: ["base"] });
});

test("a circle of requirements, which an older version may have let in, closes once", () => {
  const related = relatedOf(
    recordOf("base", { requires: ["other"] }),
    recordOf("other", { requires: ["base"] }),
  );
  const result = rollBack(related);
  expect(result.ok && result.value.map(({ featureId }) => featureId)).toEqual(["base", "other"]);
});

test("a tag closes every open feature that carries it and their dependents, and nothing where there is none", () => {
  const related = relatedOf(
    recordOf("a", { tags: ["checkout"] }),
    recordOf("b", { tags: ["checkout", "x"] }),
    recordOf("c", { requires: ["a"] }),
    recordOf("d", { tags: ["checkout"], state: { enabled: false } }),
    recordOf("e", { tags: ["check"] }),
  );
  expect(prepareTagRollback(related, "checkout", cause).map(({ featureId }) => featureId)).toEqual([
    "a",
    "b",
    "c",
  ]);
  expect(prepareTagRollback(related, "payment", cause)).toEqual([]);
});
