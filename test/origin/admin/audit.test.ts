// The audit as people look through it: by feature, kind, actor and time, page by page.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { newFeature } from "../../../origin/features/new-feature.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const { pool, drop } = await makeTestDatabase();
afterAll(drop);
const { request } = makeAdminApp({ pool });
const changes = makeFeatureChanges({ pool, newId: randomUUID });

const Audit = z.object({
  entries: z.array(
    z.object({
      seq: z.number(),
      at: z.string(),
      actor: z.string(),
      action: z.string(),
      featureId: z.string(),
    }),
  ),
  next: z.number().nullable(),
});
const audit = async (query: Record<string, string>) =>
  Audit.parse(await (await request(`/audit?${new URLSearchParams(query).toString()}`)).json());

const people = ["ann", "ben"];
beforeAll(async () => {
  for (const [at, actor] of [...people, ...people].entries()) {
    const featureId = FeatureId.parse(`feat_${at}`);
    await changes.createFeature(newFeature({ featureId, enabled: true }), { actor, reason: "launch" });
    await changes.rollbackFeature({ featureId }, { actor, reason: "it fails" });
  }
});

test("what one person did is read page by page, and nothing of others is among it", async () => {
  const first = await audit({ actor: "ben", limit: "3" });
  const second = await audit({ actor: "ben", limit: "3", before: String(first.next) });
  expect(second.next).toBe(null);
  const read = [...first.entries, ...second.entries].map(({ actor, action, featureId }) => [
    actor,
    action,
    featureId,
  ]);
  expect(read).toEqual([
    ["ben", "rollback", "feat_3"],
    ["ben", "create", "feat_3"],
    ["ben", "rollback", "feat_1"],
    ["ben", "create", "feat_1"],
  ]);
  expect((await audit({ actor: "nobody" })).entries).toEqual([]);
});

test("a time has its first moment and not its last, in whatever zone it is written", async () => {
  const { entries } = await audit({});
  const [since, until] = [entries[4]?.at, entries[1]?.at].map(String);
  const inTime = await audit({ since: since ?? "", until: until ?? "" });
  expect(inTime.entries).toEqual(entries.slice(2, 5));
  const elsewhere = `${new Date(Date.parse(since ?? "") + 3_600_000).toISOString().slice(0, -1)}+01:00`;
  expect((await audit({ since: elsewhere, until: until ?? "" })).entries).toEqual(inTime.entries);
});

test("a revision has its own entries alone", async () => {
  const all = z
    .object({ entries: z.array(z.object({ seq: z.number(), revision: z.number() })) })
    .parse(await (await request("/audit")).json()).entries;
  const { seq, revision } = all[2] ?? { seq: 0, revision: 0 };
  expect((await audit({ revision: String(revision) })).entries.map((entry) => entry.seq)).toEqual([seq]);
});

test("all filters hold together", async () => {
  const { entries } = await audit({ actor: "ann", action: "rollback", featureId: "feat_2" });
  expect(entries).toMatchObject([{ actor: "ann", action: "rollback", featureId: "feat_2" }]);
});

test.each(["since=yesterday", "until=2026-13-01T00:00:00Z", "actor="])(
  "%s is refused, and the answer names the field",
  async (query) => {
    const response = await request(`/audit?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ field: query.slice(0, query.indexOf("=")) }] });
  },
);

test("rollbacks are told apart by their cause, and each filter finds its own alone", async () => {
  const make = (name: string, requires: readonly string[] = []) => {
    const feature = {
      featureId: FeatureId.parse(name),
      enabled: true,
      requires: requires.map((id) => FeatureId.parse(id)),
    };
    return changes.createFeature(newFeature(feature), { actor: "ann", reason: "launch" });
  };
  for (const name of ["feat_evidence", "feat_alert", "feat_person"]) await make(name);
  await make("feat_dependent", ["feat_person"]);
  const by = { actor: "cause", reason: "it fails" };
  const roll = (name: string, evidence?: Record<string, unknown>) =>
    changes.rollbackFeature(
      { featureId: FeatureId.parse(name), ...(evidence === undefined ? {} : { evidence }) },
      by,
    );
  await roll("feat_evidence", { action: "ROLLBACK" });
  await roll("feat_alert", { alert: { hook: "pager" } });
  await roll("feat_person");
  const found = await Promise.all(
    ["evidence", "alert", "dependency", "edge", "person"].map(async (cause) => {
      const response = await request(`/audit?actor=cause&cause=${cause}`);
      const { entries } = z
        .object({ entries: z.array(z.object({ featureId: z.string(), cause: z.string() })) })
        .parse(await response.json());
      return entries.map((entry) => [entry.cause, entry.featureId]);
    }),
  );
  expect(found).toEqual([
    [["evidence", "feat_evidence"]],
    [["alert", "feat_alert"]],
    [["dependency", "feat_dependent"]],
    [],
    [["person", "feat_person"]],
  ]);
  expect(await (await request("/audit?featureId=feat_evidence&action=create")).json()).toMatchObject({
    entries: [{ cause: null }],
  });
});
