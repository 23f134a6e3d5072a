// An origin whose database login owns nothing: it may be the service and no more.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migrate, migrationNames, MigrationRightsError } from "../../origin/db/migrate.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { jsonRequest } from "../support/otlp-spans.ts";
import { eventually } from "../support/stack.ts";

const login = `sluice_login_${randomBytes(6).toString("hex")}`;
let database: TestDatabase;
let origin: OriginUnderTest;
let client: Client;
let url: string;

beforeAll(async () => {
  database = await makeTestDatabase();
  await database.pool.query(`create role ${login} login password 'hunter2hunter2' in role sluice_service`);
  const limited = new URL(database.url);
  limited.username = login;
  limited.password = "hunter2hunter2";
  url = limited.href;
  origin = await startOrigin({ DATABASE_URL: url, EVALUATE_EVERY_MS: "200" });
  client = new Client({ connectionString: url });
  await client.connect();
}, 60_000);
afterAll(async () => {
  await client.end();
  expect(await origin.end("SIGTERM")).toBe(0);
  await database.drop();
});

test("the origin counts, decides, rolls back and keeps its tables with this login", async () => {
  await origin.admin("POST", "/features", {
    featureId: "feat_bad",
    enabled: true,
    rolloutBps: 10_000,
    holdoutBps: 0,
    activation: { path: "/checkout", method: "POST" },
  });
  await origin.admin("PUT", "/features/feat_bad/rule", {
    activationThreshold: 0.5,
    retentionThreshold: 0,
    latencyP95Threshold: 10_000,
    minCohortSize: 50,
    evaluationWindowSeconds: 3_600,
    activationWindowSeconds: 1,
    retentionWindowSeconds: 2,
    returnAfterSeconds: 1,
    mode: "enforce",
  });
  let sent = 0;
  await eventually(async () => {
    const spans = Array.from({ length: 100 }, () => ({ feature: "feat_bad", unit: `visitor-${++sent}` }));
    const answer = await fetch(`${origin.url}/v1/traces`, {
      method: "POST",
      headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify(jsonRequest(spans)),
    });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
    await sleep(300);
    return (await origin.admin("GET", "/features/feat_bad"))["enabled"] === false;
  }, 40_000);
  expect(await origin.admin("GET", "/audit/verify")).toMatchObject({ ok: true });
  expect(await origin.admin("POST", "/forget", { unit: "visitor-1" })).toMatchObject({
    evidence: 1,
    isComplete: true,
  });
  await origin.admin("POST", "/tokens", { name: "pipeline", scope: "viewer" });
  expect(origin.output()).not.toContain("permission denied");
}, 60_000);

describe("PostgreSQL refuses this login, with and without the service's role", () => {
  test.each([
    "update rollback_audit set reason = 'nothing happened'",
    "delete from rollback_audit",
    "truncate rollback_audit",
    "drop table rollback_audit",
    "alter table rollback_audit disable trigger all",
    "update pmf_evaluations set state = 'KEEP'",
    "delete from pmf_evaluations",
    "truncate pmf_evaluations",
    "update edge_receipts set ms = 0",
    "truncate edge_receipts",
    "delete from edge_witnesses",
    "update operator_events set kind = 'nothing'",
    "delete from approval_policies",
    "update feature_flags set enabled = true",
    "update pseudonym_keys set fingerprint = ''",
    "delete from pseudonym_keys",
    "update state_head set audit_hash = ''",
    "create or replace function commit_change(change jsonb) returns jsonb language sql as 'select change'",
    "alter role sluice_service createrole",
    "delete from schema_migrations",
    "copy (select 1) to program 'true'",
  ])("%s", async (statement) => {
    for (const role of ["none", "sluice_service"]) {
      await client.query(`set role ${role}`);
      await expect(client.query(statement), role).rejects.toThrow(/permission denied|must be owner/);
    }
  });

  test("to delete a confirmation that a receipt may need", async () => {
    await database.pool.query(
      `insert into edge_receipts (edge_url, region, revision, ms, confirmed_at)
       select 'https://edge.example', 'r' || days, case when days = 10 then 0 else r.revision end, 1,
         now() - days * interval '1 day'
       from unnest('{1,10,399,401}'::int[]) days, (select max(revision) as revision from rollback_audit where action = 'rollback') r`,
    );
    const gone = async (region: string) =>
      (await client.query("delete from edge_receipts where region = $1", [region])).rowCount;
    for (const region of ["r1", "r399"])
      await expect(gone(region)).rejects.toThrow("is kept for its receipt");
    for (const region of ["r10", "r401"]) expect(await gone(region)).toBe(1);
  });
});

test("no login may put a trigger of the audit on a table of its own", async () => {
  const { rows } = await database.pool.query<{ name: string }>(
    `select proname as name from pg_proc
     where pronamespace = 'public'::regnamespace and prosecdef and prorettype = 'trigger'::regtype`,
  );
  expect(rows.map(({ name }) => name)).toContain("audit_policy");
  await client.query("set role none");
  for (const { name } of rows) {
    const table = `own_${name}`;
    await client.query(
      `create temporary table ${table} (actor text, reason text, version int, details jsonb)`,
    );
    await expect(
      client.query(`create trigger forge after insert on ${table} for each row execute function ${name}()`),
      name,
    ).rejects.toThrow(`permission denied for function ${name}`);
  }
});

test("what is to be migrated is left to the owner's login, and the error says so", async () => {
  const newest = (await migrationNames()).at(-1);
  await database.pool.query("delete from schema_migrations where name = $1", [newest]);
  await expect(migrate(url)).rejects.toThrow(MigrationRightsError);
  await expect(migrate(url)).rejects.toThrow(
    `the database lacks ${newest}, and this login may not migrate it: run \`npx sluice migrate\``,
  );
});
