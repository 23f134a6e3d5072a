import { randomUUID } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { makePool } from "../../../origin/db/pool.ts";
import { serviceUrlOf } from "../../../origin/db/service-role.ts";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { newFeature } from "../../../origin/features/new-feature.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
const url = await serviceUrlOf(database.url);
if (url === null) throw new Error("no service role");
const service = makePool(url, { applicationName: "sluice-test-service", onIdleError: () => {} });
afterAll(async () => {
  await service.end();
  await database.drop();
});

const changes = makeFeatureChanges({ pool: service, newId: randomUUID });
const by = { actor: "ann", reason: "launch" };

test("the service changes features through the one function, and their tables in no other way", async () => {
  const { rows } = await service.query("select current_user as role");
  expect(rows).toEqual([{ role: "sluice_service" }]);
  const featureId = FeatureId.parse("feat_a");
  expect(await changes.createFeature(newFeature({ featureId, enabled: true }), by)).toMatchObject({
    ok: true,
  });
  expect(await changes.rollbackFeature({ featureId }, by)).toMatchObject({ ok: true });
  expect(await changes.deleteFeature({ featureId }, by)).toMatchObject({ ok: true });
});

test.each([
  "update rollback_audit set reason = 'nothing happened'",
  "delete from rollback_audit",
  "truncate rollback_audit",
  "alter table rollback_audit disable trigger all",
  "insert into rollback_audit select * from rollback_audit",
  "update feature_flags set enabled = true",
  "update state_head set audit_hash = ''",
  "delete from pmf_rules",
])("the service may not: %s", async (statement) => {
  await expect(service.query(statement)).rejects.toThrow(/permission denied|must be owner/);
});

test("the service makes and drops partitions of what it owns", async () => {
  await service.query(
    "create table span_log_test partition of span_log for values from ('2000-01-01') to ('2000-01-02')",
  );
  await service.query("drop table span_log_test");
});
