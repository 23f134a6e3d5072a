import { randomUUID } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
import {
  recordCloses,
  recordConfirmed,
  recordFailed,
  registerEdges,
} from "../../../origin/delivery/edges/confirmations.ts";
import { isGenuineReceipt, readReceipt, signReceipt } from "../../../origin/delivery/rollback-receipt.ts";
import { readDeadLetters, readEdges, readMissingEdges } from "../../../origin/delivery/edges/edge-status.ts";
import { makeAnnounce } from "../../../origin/notifications/announce.ts";
import { makeCompletionMonitor } from "../../../origin/delivery/completion-monitor.ts";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { newFeature } from "../../../origin/features/new-feature.ts";
import { listAudit } from "../../../origin/features/read-features.ts";
import { FeatureId, Revision } from "../../../shared/ids.ts";
import { KeyRing } from "../../../shared/signing/key-ring.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { makeTestLog } from "../../support/log.ts";

const database = await makeTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const changes = makeFeatureChanges({ pool, newId: randomUUID });
const [here, there] = ["https://here.example", "https://there.example"] as const;
const confirm = (url: string, revision: number, regions: Record<string, number>) =>
  recordConfirmed(pool, url, {
    kind: "confirmed",
    takesParts: true,
    isSigned: true,
    disputed: [],
    revision: Revision.parse(revision),
    regions: Object.entries(regions).map(([region, at]) => ({ region, revision: Revision.parse(at), ms: 3 })),
  });

const rollBackNew = async (name: string) => {
  const featureId = FeatureId.parse(name);
  const by = { actor: "ann", reason: "too slow" };
  await changes.createFeature(newFeature({ featureId, enabled: true }), by);
  const closed = await changes.rollbackFeature({ featureId, evidence: { users: 4500 } }, by);
  if (!closed.ok) throw new Error("not rolled back");
  return closed.value;
};

test("a rollback is complete when every region of every edge has confirmed it, and not before", async () => {
  await registerEdges(pool, [here, there]);
  const { revision, state } = await rollBackNew("feat_a");
  const missing = () => readMissingEdges(pool, { ...state, revision });
  expect(await missing()).toEqual([here, there]);

  const metrics = makeMetrics();
  const log = makeTestLog();
  const announce = makeAnnounce(pool);
  const watch = makeCompletionMonitor({ pool, announce, metrics, log, graceS: 0 });
  const watchElsewhere = makeCompletionMonitor({ pool, announce, metrics, log: makeTestLog(), graceS: 0 });
  const incomplete = async () => (await metrics.rollbacksIncomplete.get()).values[0]?.value;
  await watch();
  await watch();
  expect(await incomplete()).toBe(1);
  expect(log.lines).toMatchObject([{ level: "error", facts: { featureId: "feat_a", edges: [here, there] } }]);
  await watchElsewhere();
  const news = await pool.query(
    "select event, feature_id, document ->> 'reason' as reason from announcements",
  );
  expect(news.rows).toEqual([
    {
      event: "edge.unconfirmed",
      feature_id: "feat_a",
      reason: expect.stringContaining(`${here}, ${there}`),
    },
  ]);

  await confirm(here, revision, { weur: revision, enam: revision - 1 });
  await confirm(there, revision, { weur: revision });
  expect(await missing()).toEqual([here]);
  await confirm(here, revision, { weur: revision, enam: revision });
  expect(await missing()).toEqual([]);
  await watch();
  expect(await incomplete()).toBe(0);

  const [rollback] = (await listAudit(pool, { limit: 1, featureId: state.featureId, kind: "rollback" }))
    .items;
  if (rollback === undefined) throw new Error("no audit row");
  const receipt = await readReceipt(pool, state.featureId, rollback);
  expect(receipt).toMatchObject({
    complete: true,
    rollback: { reason: "too slow", details: { evidence: { users: 4500 } } },
    confirmations: [
      { edge: here, region: "enam", revision },
      { edge: here, region: "weur", revision },
      { edge: there, region: "weur", revision },
    ],
  });

  const keys = KeyRing.parse("k1:a-secret-of-sixteen-or-more-0123456789abcdefghijklmnop");
  const downloaded = JSON.parse(JSON.stringify(signReceipt(receipt, keys, Date.now())));
  expect(isGenuineReceipt(downloaded, keys)).toBe(true);
  downloaded.receipt.rollback.reason = "no reason";
  expect(isGenuineReceipt(downloaded, keys)).toBe(false);
});

test("a rollback's time to the edge is reported once for each edge", async () => {
  const { revision } = await rollBackNew("feat_b");
  await confirm(here, revision - 1, { weur: revision - 1 });
  expect(await confirm(here, revision, { weur: revision })).toHaveLength(1);
  expect(await confirm(here, revision, { weur: revision })).toHaveLength(0);
});

test("an edge that fails for long is a dead letter until it answers, and an edge that is not configured any more is removed", async () => {
  await recordFailed(pool, here, { error: "HTTP 503", attempts: 7 });
  expect(await readDeadLetters(pool, 10)).toEqual([]);
  await pool.query(
    "update edge_targets set failing_since = failing_since - interval '1 hour' where url = $1",
    [here],
  );
  expect(await readDeadLetters(pool, 10)).toMatchObject([
    { kind: "edge", target: here, attempts: 7, lastError: "HTTP 503" },
  ]);
  const { revision } = await readEdges(pool);
  await confirm(here, revision, { weur: revision });
  expect(await readDeadLetters(pool, 10)).toEqual([]);
  await registerEdges(pool, [there]);
  expect((await readEdges(pool)).edges.map((edge) => edge.url)).toEqual([there]);
});

test("a rollback whose close has arrived alone is complete there, in this epoch and not in a later one", async () => {
  await registerEdges(pool, [here, there]);
  const { revision, state } = await rollBackNew("feat_alone");
  const log = makeTestLog();
  const watch = makeCompletionMonitor({
    pool,
    announce: makeAnnounce(pool),
    metrics: makeMetrics(),
    log,
    graceS: 0,
  });
  await confirm(here, revision, { weur: revision });
  await recordCloses(pool, there, [
    { featureId: state.featureId, epoch: state.epoch, version: state.version },
  ]);
  expect(await readMissingEdges(pool, { ...state, revision })).toEqual([]);
  await watch();
  expect(log.lines.filter((line) => JSON.stringify(line).includes("feat_alone"))).toEqual([]);
  expect(await readMissingEdges(pool, { ...state, epoch: state.epoch + 1, revision })).toEqual([there]);
});
