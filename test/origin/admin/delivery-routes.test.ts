import { randomUUID } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { isGenuineReceipt } from "../../../origin/delivery/rollback-receipt.ts";
import {
  recordCloses,
  recordConfirmed,
  recordFailed,
  registerEdges,
} from "../../../origin/delivery/edges/confirmations.ts";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { newFeature } from "../../../origin/features/new-feature.ts";
import { FeatureId, Revision } from "../../../shared/ids.ts";
import { KeyRing } from "../../../shared/signing/key-ring.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const { pool, drop } = await makeTestDatabase();
afterAll(drop);

const keys = KeyRing.parse("k1:a-secret-of-sixteen-or-more-0123456789abcdefghijklmnop");
const changes = makeFeatureChanges({ pool, newId: randomUUID });
const { request } = makeAdminApp({ pool, keys });
const json = async (response: Response | Promise<Response>) => JSON.parse(await (await response).text());

test("one call closes every feature with a tag in one revision, and each receipt can be downloaded", async () => {
  await registerEdges(pool, ["https://edge.example"]);
  for (const name of ["feat_a", "feat_b"]) {
    const feature = newFeature({ featureId: FeatureId.parse(name), enabled: true, tags: ["checkout"] });
    await changes.createFeature(feature, { actor: "ann", reason: "launch" });
  }
  const kill = (body: object) => request("/rollback", { method: "POST", body: JSON.stringify(body) });
  expect((await kill({ tag: "checkout" })).status).toBe(400);
  const closed = await json(kill({ tag: "checkout", reason: "payment provider is down" }));
  expect(closed.features).toHaveLength(2);
  expect((await json(kill({ tag: "checkout", reason: "again" }))).features).toEqual([]);

  const response = await request("/features/feat_a/receipt");
  expect(response.headers.get("content-disposition")).toContain(`rollback-${closed.revision}.json`);
  const receipt = await json(response);
  expect(receipt.receipt).toMatchObject({
    featureId: "feat_a",
    complete: false,
    missingEdges: ["https://edge.example"],
    rollback: { reason: "payment provider is down", revision: closed.revision },
  });
  expect(isGenuineReceipt(receipt, keys)).toBe(true);
  expect((await request("/features/feat_none/receipt")).status).toBe(404);
});

test("edges, dead letters and the check of the audit can be read", async () => {
  expect(await json(request("/edges"))).toMatchObject({
    revision: 3,
    edges: [{ url: "https://edge.example", revision: null, completeRevision: 0 }],
    telemetry: [],
  });
  await pool.query(
    `insert into telemetry_regions (region, seen_at, usual_gap_s, dropped_spans)
     values ('enam', now(), 2, 0), ('weur', '2026-11-25T20:00Z', 2, 7), ('apac', now() - interval '1 minute', 2, 0)`,
  );
  const { telemetry } = await json(request("/edges"));
  expect(telemetry).toMatchObject([
    { region: "apac", droppedSpans: 0 },
    { region: "enam", waitsFrom: null },
    { region: "weur", seenAt: "2026-11-25T20:00:00.000Z", droppedSpans: 7, waitsFrom: null },
  ]);
  expect(telemetry[0].waitsFrom).toBe(telemetry[0].seenAt);
  expect(await json(request("/dead-letters"))).toEqual({ deadLetters: [] });
  expect(await json(request("/audit/verify"))).toMatchObject({ ok: true, rows: 4 });
  expect(await json(request("/audit/verify?from=2&to=3"))).toMatchObject({ ok: true, rows: 2 });
  expect((await request("/audit/verify?from=x")).status).toBe(400);
});

test("where a change has arrived names each edge and region with the milliseconds from its commit", async () => {
  const near = "https://near.example";
  const far = "https://far.example";
  await registerEdges(pool, [near, far]);
  const featureId = FeatureId.parse("feat_delivered");
  const created = await changes.createFeature(newFeature({ featureId, enabled: true }), {
    actor: "ann",
    reason: "launch",
  });
  if (!created.ok) throw new Error(created.error.reason);
  const delivery = () => json(request(`/features/${featureId}/delivery`));
  expect(await delivery()).toMatchObject({
    action: "create",
    actor: "ann",
    reason: "launch",
    everywhereAfterMs: null,
    edges: [
      { edge: far, state: "waiting", afterMs: null, regions: [] },
      { edge: near, state: "waiting", afterMs: null, regions: [] },
    ],
  });

  const confirm = (url: string, revision: number, ...regions: [string, number][]) =>
    recordConfirmed(pool, url, {
      kind: "confirmed",
      takesParts: true,
      isSigned: true,
      disputed: [],
      revision: Revision.parse(revision),
      regions: regions.map(([region, had]) => ({ region, revision: Revision.parse(had), ms: 1 })),
    });
  const { revision } = await delivery();
  await confirm(near, revision, ["weur", revision], ["apac", revision - 1]);
  await recordFailed(pool, far, { error: "connect ECONNREFUSED", attempts: 3 });
  const half = await delivery();
  expect(half).toMatchObject({ revision, everywhereAfterMs: null });
  expect(half.edges).toMatchObject([
    { state: "waiting", attempts: 3, lastError: "connect ECONNREFUSED", failingSince: expect.any(String) },
    {
      state: "waiting",
      regions: [
        { region: "weur", revision, afterMs: expect.any(Number), joinedLater: false },
        { region: "apac", revision: revision - 1, afterMs: null },
      ],
    },
  ]);

  await confirm(near, revision, ["weur", revision], ["apac", revision]);
  await confirm(far, revision, ["enam", revision]);
  const whole = await delivery();
  const times = whole.edges.map(({ afterMs }: { afterMs: number }) => afterMs);
  expect(whole.everywhereAfterMs).toBe(Math.max(...times));
  expect(whole.edges).toMatchObject([{ state: "confirmed" }, { state: "confirmed" }]);

  // A region of later days has no part in the time of this change.
  const other = FeatureId.parse("feat_later");
  await changes.createFeature(newFeature({ featureId: other }), { actor: "ann", reason: "later" });
  await confirm(far, revision + 1, ["enam", revision + 1], ["oc", revision + 1]);
  const later = await delivery();
  expect(later.edges[0].regions).toMatchObject([
    { region: "enam", joinedLater: false },
    { region: "oc", joinedLater: true },
  ]);
  expect(later.everywhereAfterMs).toBe(whole.everywhereAfterMs);

  // The close alone, while the rest of its revision waits.
  await changes.rollbackFeature({ featureId }, { actor: "ann", reason: "too slow" });
  await recordCloses(pool, near, [{ featureId, epoch: 1, version: 2 }]);
  expect((await delivery()).edges).toMatchObject([
    { edge: far, state: "waiting" },
    { edge: near, state: "closed", afterMs: expect.any(Number) },
  ]);
  expect((await request("/features/feat_none/delivery")).status).toBe(404);
});
