import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { newFeature } from "../../../origin/features/new-feature.ts";
import { verifyAudit } from "../../../origin/features/audit/verify-audit.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const changes = makeFeatureChanges({ pool, newId: randomUUID });
const featureId = FeatureId.parse("feat_a");
beforeAll(async () => {
  const by = { actor: 'ann "the\nadmin"', reason: "größer, schneller 🚀" };
  await changes.createFeature(newFeature({ featureId, enabled: true }), by);
  for (let i = 1; i <= 8; i += 1) await changes.setRollout({ featureId }, { rolloutBps: i * 100 }, by);
  await changes.rollbackFeature({ featureId, evidence: { rate: 0.1120000000001, users: 4500 } }, by);
});

/** What the owner of the tables could do and the service cannot; undone afterwards. */
const tampered = async (statement: string) => {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("alter table rollback_audit disable trigger rollback_audit_append_only");
    await client.query(statement);
    return await verifyAudit(client);
  } finally {
    await client.query("rollback");
    client.release();
  }
};

test("an untouched audit is whole, in full and in part", async () => {
  expect(await verifyAudit(pool)).toMatchObject({ ok: true, from: 1, to: 10, rows: 10 });
  expect(await verifyAudit(pool, { from: 3, to: 5 })).toMatchObject({ ok: true, rows: 3 });
});

test.each([
  ["a changed reason", "update rollback_audit set reason = 'fine' where seq = 4", 4, "altered"],
  ["changed evidence", "update rollback_audit set details = '{}' where seq = 10", 10, "altered"],
  [
    "a moved moment",
    "update rollback_audit set at = at + interval '1 microsecond' where seq = 2",
    2,
    "altered",
  ],
  ["a removed row", "delete from rollback_audit where seq = 5", 5, "missing"],
  ["a removed first row", "delete from rollback_audit where seq = 1", 1, "missing"],
  ["a removed last row", "delete from rollback_audit where seq = 10", 10, "missing"],
  [
    "two rows that changed places",
    "update rollback_audit set seq = case seq when 6 then 107 else 106 end where seq in (6, 7); update rollback_audit set seq = seq - 100 where seq > 100",
    6,
    "unlinked",
  ],
  [
    "a row that was written anew with its hash",
    `update rollback_audit set reason = 'fine', hash = sha256(prev_hash || convert_to(
       audit_text(seq, at, actor, action, feature_id, 'fine', version, epoch, revision, details), 'UTF8'))
     where seq = 4`,
    5,
    "unlinked",
  ],
  [
    "a last row that was written anew with its hash",
    `update rollback_audit set reason = 'fine', hash = sha256(prev_hash || convert_to(
       audit_text(seq, at, actor, action, feature_id, 'fine', version, epoch, revision, details), 'UTF8'))
     where seq = 10`,
    10,
    "headMismatch",
  ],
])("%s is found at the first broken row", async (_, statement, seq, fault) => {
  expect(await tampered(statement)).toEqual({ ok: false, seq, fault });
});
