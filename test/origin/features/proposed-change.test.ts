// A change as a value: it is stored, shown and carried out later, once.
import { randomUUID } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { canonicalJson } from "../../../origin/features/change-diff.ts";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import type { Attribution } from "../../../origin/features/change-steps.ts";
import { ProposedChange } from "../../../origin/features/proposed-change.ts";
import { getFeature, listAudit } from "../../../origin/features/read-features.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { err, type Result } from "../../../shared/result.ts";
import { Rule } from "../../../shared/features/rule.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const changes = makeFeatureChanges({ pool: database.servicePool, newId: randomUUID });
const ann: Attribution = { actor: "ann", reason: "launch" };
const got = <T, E>(result: Result<T, E>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
let made = 0;
const makeFeature = async (feature: object = {}): Promise<FeatureId> => {
  const featureId = FeatureId.parse(`feat_${(made += 1)}`);
  got(await changes.changeFeature(ProposedChange.parse({ kind: "create", featureId, feature }), ann));
  return featureId;
};
/** What the database keeps of it. */
const stored = (change: ProposedChange): ProposedChange =>
  ProposedChange.parse(JSON.parse(JSON.stringify(change)));
const rowsOf = async (featureId: FeatureId) =>
  (await listAudit(pool, { featureId, limit: 50 })).items.toReversed();

test("a stored change does later what it was made for, and its preview says what that is", async () => {
  const featureId = await makeFeature({ enabled: true, rolloutBps: 100, tags: ["a"] });
  const rule = Rule.parse({
    featureId,
    activationThreshold: 0.15,
    retentionThreshold: 0.2,
    latencyP95Threshold: 800,
    minCohortSize: 100,
    evaluationWindowSeconds: 3600,
  });
  const steps: [ProposedChange, object[]][] = [
    [{ kind: "rule", featureId, rule }, [{ field: "rule", from: null, to: rule }]],
    [
      { kind: "update", featureId, edit: { tags: ["a", "b"], failureMode: "static" } },
      [{ field: "tags", from: ["a"], to: ["a", "b"] }],
    ],
    [
      { kind: "rollout", featureId, shares: { rolloutBps: 500 } },
      [{ field: "rolloutBps", from: 100, to: 500 }],
    ],
    [{ kind: "ramp", featureId, paused: true }, [{ field: "ramp", from: "goes on", to: "paused" }]],
    [{ kind: "restart", featureId }, [{ field: "trial", from: "running", to: "starts over" }]],
    [
      { kind: "rollback", featureId },
      [
        { field: "enabled", from: true, to: false },
        { field: "rolloutBps", from: 500, to: 0 },
      ],
    ],
    [
      { kind: "enable", featureId, shares: {} },
      [
        { field: "enabled", from: false, to: true },
        { field: "rolloutBps", from: 0, to: 500 },
      ],
    ],
  ];
  for (const [change, diff] of steps) {
    const before = await getFeature(pool, featureId);
    const preview = got(await changes.previewChange(stored(change), ann));
    expect(preview.diff.map(({ featureId: _id, ...field }) => field)).toEqual(diff);
    expect(preview.base).toEqual([{ featureId, version: before?.state.version }]);
    expect(await getFeature(pool, featureId)).toEqual(before);
    got(await changes.changeFeature(stored(preview.change), ann));
  }
  const gone = { kind: "delete", featureId } as const;
  expect(got(await changes.previewChange(gone, ann)).diff).toMatchObject([{ field: "feature", to: null }]);
  got(await changes.changeFeature(gone, ann));
  expect(await getFeature(pool, featureId)).toBeNull();
});

test("the preview of a new feature has every default in it, so that a later version makes the same", async () => {
  const featureId = FeatureId.parse("feat_new");
  const preview = got(
    await changes.previewChange({ kind: "create", featureId, feature: { rolloutBps: 9500 } }, ann),
  );
  expect(preview.change).toMatchObject({ feature: { holdoutBps: 500, enabled: false, tags: [] } });
  expect(preview.base).toEqual([{ featureId, version: null }]);
  expect(stored(preview.change)).toEqual(preview.change);
});

test("a change id has its effect once, whoever carries it out, at once or after other changes", async () => {
  const featureId = await makeFeature({ enabled: true, rolloutBps: 100 });
  const changeId = randomUUID();
  const change = { kind: "rollout", featureId, shares: { rolloutBps: 200 } } as const;
  const terms = { changeId, expectedVersion: 1 };
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      makeFeatureChanges({ pool, newId: randomUUID }).changeFeature(change, ann, terms),
    ),
  );
  const outcomes = answers.map((answer) => got(answer));
  for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
  got(await changes.changeFeature({ kind: "rollout", featureId, shares: { rolloutBps: 300 } }, ann));
  expect(got(await changes.changeFeature(change, ann, terms)).features).toEqual([{ featureId, version: 2 }]);
  expect((await getFeature(pool, featureId))?.state.rolloutBps).toBe(300);
  expect((await rowsOf(featureId)).map(({ action }) => action)).toEqual(["create", "rollout", "rollout"]);
});

test("a guard sees the features that the change is committed on: one that came first makes it look again", async () => {
  const featureId = await makeFeature({ enabled: true, rolloutBps: 100 });
  const seen: (number | undefined)[] = [];
  const answer = await changes.changeFeature(
    { kind: "rollout", featureId, shares: { rolloutBps: 200 } },
    ann,
    {
      details: { approvedBy: "bob" },
      guard: async ({ related }) => {
        const before = related.get(featureId);
        seen.push(before?.state.rolloutBps);
        if (seen.length === 1)
          got(await changes.changeFeature({ kind: "update", featureId, edit: { rolloutBps: 150 } }, ann));
        return undefined;
      },
    },
  );
  got(answer);
  expect(seen).toEqual([100, 150]);
  expect((await rowsOf(featureId)).at(-1)?.details).toEqual({
    from: 150,
    to: 200,
    approvedBy: "bob",
    diff: [{ field: "rolloutBps", from: 150, to: 200 }],
  });

  const refused = await changes.changeFeature({ kind: "rollback", featureId }, ann, {
    guard: () => err({ reason: "alreadyOpen", have: 1 }),
  });
  expect(refused).toMatchObject({ ok: false });
  expect((await getFeature(pool, featureId))?.state.enabled).toBe(true);
});

test("equal values have one text, whatever the order of their fields", () => {
  expect(canonicalJson({ b: [{ d: 1, c: undefined }], a: null })).toBe('{"a":null,"b":[{"d":1}]}');
  expect(canonicalJson({ a: null, b: [{ d: 1 }] })).toBe('{"a":null,"b":[{"d":1}]}');
});
