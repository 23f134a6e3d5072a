// What the database holds of a unit after its telemetry was taken, on a real PostgreSQL with the service's rights.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makePseudonymKeys } from "../../../../origin/span-log/pseudonyms/pseudonym-keys.ts";
import { pseudonymCheck } from "../../../../origin/span-log/pseudonyms/pseudonym-health.ts";
import { pseudonymKey, pseudonymOf } from "../../../../origin/span-log/pseudonyms/pseudonym.ts";
import { KeyRing } from "../../../../shared/signing/key-ring.ts";
import { makeTestDatabase, type TestDatabase } from "../../../support/database.ts";
import { columnsThatHold } from "../../../support/everything-stored.ts";
import { jsonRequest } from "../../../support/otlp-spans.ts";
import { createFeature, startTelemetry, type TestTelemetry } from "../../../support/telemetry.ts";

let database: TestDatabase;
let telemetry: TestTelemetry;
beforeAll(async () => {
  database = await makeTestDatabase();
  telemetry = await startTelemetry(database, { unitIds: "pseudonymous" });
});
afterAll(async () => {
  await telemetry.stop();
  await database.drop();
});

const ring = (text: string) => KeyRing.parse(text);
const K1 = "u1:first-pseudonym-secret-0123456789abcdefghij";
const K2 = "u2:second-pseudonym-secret-0123456789abcdefghi";

test("no table holds the id of a unit, and its spans still find one another", async () => {
  await createFeature(database, "feat_hidden");
  const unit = "ada.lovelace@example.com";
  for (const activated of [false, true])
    await telemetry.sendSpans([{ feature: "feat_hidden", unit, variant: "treatment", activated }]);
  // Never exposed: it waits.
  await telemetry.sendSpans([
    { feature: "feat_hidden", unit: `${unit}.waits`, attributes: { "sluice.exposure": false } },
  ]);
  await telemetry.folded();
  const { rows } = await database.pool.query<{ user_id: string }>(
    "select user_id from user_actions where feature_id = 'feat_hidden'",
  );
  expect(rows).toEqual([{ user_id: expect.stringMatching(/^[\w-]{22}$/) }]);
  expect(await columnsThatHold(database.pool, unit)).toEqual([]);
  // The search would have found it.
  expect(await columnsThatHold(database.pool, rows[0]?.user_id ?? "")).toEqual(
    expect.arrayContaining(["otel_spans.user_id", "span_log.block", "unit_evidence.unit_id"]),
  );
});

test("an epoch keeps the key that it began with; a new first key is for later epochs", async () => {
  const open = (keys: string) =>
    makePseudonymKeys({ db: database.servicePool, keys: ring(keys), naming: "pseudonymous" });
  const first = { featureId: "feat_hidden", epoch: 2 };
  const second = { featureId: "feat_hidden", epoch: 3 };
  const named = (key: Awaited<ReturnType<ReturnType<typeof open>["of"]>>[number] | undefined) =>
    key === undefined || key === null || "missing" in key ? key : pseudonymOf(key, "unit");
  const of = async (keys: string, epochs: { featureId: string; epoch: number }[]) =>
    (await open(keys).of(epochs)).map(named);
  const byK1 = pseudonymOf(pseudonymKey(ring(K1)[0]), "unit");
  const byK2 = pseudonymOf(pseudonymKey(ring(K2)[0]), "unit");

  expect(await of(K1, [first, first])).toEqual([byK1, byK1]);
  expect(await of(`${K2},${K1}`, [second, first])).toEqual([byK2, byK1]);
  expect(await of(K2, [first, second])).toEqual([{ missing: "u1" }, byK2]);
  expect(await open(K2).known()).toMatchObject({ keys: { length: 2 }, lacking: ["u1"] });
  await expect(open(K2.replace("u2:", "u1:")).verify()).rejects.toThrow("has another key of a name");
  expect(await open(`${K2},${K1}`).known()).toMatchObject({ keys: { length: 3 }, lacking: [] });
  // The key may go once no epoch of it is kept any more.
  await database.pool.query("delete from epoch_pseudonyms where kid = 'u1'");
  expect(await open(K2).known()).toMatchObject({ keys: { length: 2 }, lacking: [] });
});

test("a key that is not there holds back the telemetry that needs it, and nothing else of the same request", async () => {
  const { pool, servicePool } = database;
  await createFeature(database, "feat_lost_key");
  await pool.query(
    `insert into pseudonym_keys (kid, fingerprint) values ('gone', 'f');
     insert into epoch_pseudonyms values ('feat_lost_key', 1, 'gone')`,
  );
  const spans = ["feat_lost_key", "feat_hidden"].map((feature, i) => ({
    feature,
    unit: "someone",
    variant: "treatment",
    traceId: `${i + 1}`.repeat(32),
    spanId: `${i + 1}`.repeat(16),
  }));
  const bot = { feature: "feat_hidden", unit: "a-bot", variant: "treatment", bot: true };
  const request = JSON.stringify(jsonRequest([...spans, bot]));
  const exposures = async () => {
    await telemetry.folded();
    const { rows } = await pool.query<{ feature: string; units: number }>(
      `select feature_id as feature, sum(units)::int as units from outcome_counts
       where signal = 'exposure' group by 1`,
    );
    return Object.fromEntries(rows.map(({ feature, units }) => [feature, units]));
  };
  const before = await exposures();
  for (let times = 0; times < 2; times++) {
    const answer = await telemetry.send("/v1/traces", request);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("30");
  }
  expect(await exposures()).toEqual({ ...before, feat_hidden: (before["feat_hidden"] ?? 0) + 1 });

  const lacking = makePseudonymKeys({ db: servicePool, keys: undefined, naming: "pseudonymous" });
  expect(await pseudonymCheck(servicePool, lacking).run()).toMatchObject([
    {
      status: "failing",
      subject: "PSEUDONYM_KEYS",
      summary: expect.stringMatching(/^lacks gone: .*feat_lost_key/),
    },
  ]);
  // A bot is counted with the request that is taken in the end.
  await telemetry.bots.write();
  expect((await pool.query("select from bot_requests where feature_id = 'feat_hidden'")).rowCount).toBe(0);
  await pool.query("update epoch_pseudonyms set kid = null where kid = 'gone'");
});

test("epochs of before an upgrade keep ids, and so do those that begin while an older origin may still run", async () => {
  await createFeature(database, "feat_before");
  await database.pool.query("update pseudonyms_begin set at = now() + interval '1 hour'");
  await telemetry.sendSpans([{ feature: "feat_before", unit: "id-of-before", variant: "treatment" }]);
  await database.pool.query("update pseudonyms_begin set at = now() - interval '1 day'");
  await telemetry.sendSpans([
    { feature: "feat_before", unit: "id-of-before", variant: "treatment", activated: true },
  ]);
  await telemetry.folded();
  const { rows } = await database.pool.query(
    "select user_id from user_actions where feature_id = 'feat_before'",
  );
  expect(rows).toEqual([{ user_id: "id-of-before" }]);
});
