// What is traced beside rollbacks: a change of a segment with the features that it moves, and what is closed because an edge knew of it.
import { randomUUID } from "node:crypto";
import { afterAll, expect, test, vi } from "vitest";
import { makeRecoverFromEdge } from "../../../origin/delivery/edges/recover-from-edge.ts";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { newFeature } from "../../../origin/features/new-feature.ts";
import { currentHead, noteLineage, raiseRevision } from "../../../origin/features/read-snapshot.ts";
import { makeSegmentChanges } from "../../../origin/features/segments/change-segment.ts";
import { makeChangeTraces } from "../../../origin/features/trace-changes.ts";
import type { SpanFacts } from "../../../origin/runtime/tracing.ts";
import { FeatureId, SegmentId } from "../../../shared/ids.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { makeTestLog } from "../../support/log.ts";

const database = await makeTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
const by = { actor: "ann", reason: "test" };
const log = makeTestLog();
const readLineage = async () => (await currentHead(pool, null)).message.lineage;

const startTraces = (follows: "decision" | "recovery") => {
  const spans: SpanFacts[] = [];
  const tracing = { record: (span: SpanFacts) => void spans.push(span), stop: async () => {} };
  return { spans, traces: makeChangeTraces({ db: pool, readLineage, follows, tracing, log }) };
};

const openFeature = async (featureId: FeatureId, segment?: SegmentId): Promise<void> => {
  const made = await makeFeatureChanges({ pool, newId: randomUUID }).createFeature(
    newFeature({
      featureId,
      enabled: true,
      rolloutBps: 5_000,
      ...(segment === undefined ? {} : { targeting: { segment } }),
    }),
    by,
  );
  expect(made.ok).toBe(true);
};

test("a change of a segment is a commit that names it and the features that it moves", async () => {
  const { spans, traces } = startTraces("decision");
  const segments = makeSegmentChanges({ pool, newId: randomUUID, onCommitted: traces.committed });
  const segmentId = SegmentId.parse("seg_traced");
  const of = (country: string) => ({ attribute: "country", operator: "in" as const, values: [country] });
  await segments.createSegment({ segmentId, condition: of("DE"), description: null }, by);
  await openFeature(FeatureId.parse("feat_in_segment"), segmentId);
  const changed = await segments.updateSegment({ segmentId }, { condition: of("FR") }, by);
  expect(changed.ok).toBe(true);
  await vi.waitFor(() => expect(spans).toHaveLength(2));
  expect(
    spans.map(({ name, parentId, attributes }) => [name, parentId, attributes["sluice.changes"]]),
  ).toEqual([
    ["sluice.commit", undefined, "segment seg_traced"],
    ["sluice.commit", undefined, "segment seg_traced, update feat_in_segment"],
  ]);
});

test("what is closed because an edge knew of it is traced from the recovery to its commit, and nothing else is", async () => {
  const { spans, traces } = startTraces("recovery");
  const [lost, kept] = [FeatureId.parse("feat_lost"), FeatureId.parse("feat_kept")];
  for (const featureId of [lost, kept]) await openFeature(featureId);
  const recover = makeRecoverFromEdge({
    pool,
    changes: makeFeatureChanges({ pool, newId: randomUUID, onCommitted: traces.committed }),
    beginLineage: () => noteLineage(pool, { rewound: true }),
    readLineage,
    raiseRevision: (above) => raiseRevision(pool, above),
    onRaised: () => {},
    onAhead: () => {},
    onRecovered: traces.recovered,
    log,
  });
  const held = (closed: boolean) => [
    { featureId: lost, closed, epoch: 1 },
    { featureId: kept, closed: false, epoch: 1 },
  ];
  await recover("https://eu.shop.example", held(false));
  await recover("https://eu.shop.example", held(true));
  await vi.waitFor(() => expect(spans).toHaveLength(2));
  const [commit, recovery] = ["sluice.commit", "sluice.recovery"].map((name) =>
    spans.find((span) => span.name === name),
  );
  expect(recovery?.attributes).toMatchObject({
    "sluice.edge": "eu.shop.example",
    "sluice.recovered.closed": "feat_lost",
    "sluice.recovered.forgotten": "",
  });
  expect(commit).toMatchObject({
    traceId: recovery?.traceId,
    parentId: recovery?.spanId,
    attributes: { "sluice.changes": "rollback feat_lost" },
  });
});
