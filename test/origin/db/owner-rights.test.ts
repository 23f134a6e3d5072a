// What runs with the owner's rights runs nothing of the service's, also while the service may create functions and operators beside
// the tables, as it may for older origins.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changeServiceRights } from "../../../origin/db/service-rights.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";

/** Where the name is written in the functions, and types that fit better than those of PostgreSQL's own. */
const STRANGERS = [
  "function public.convert_to(a text, b text) returns bytea",
  "function public.jsonb_build_object(a text, b jsonb) returns jsonb",
  "function public.pg_notify(a varchar, b text) returns void",
  "function public.to_char(a timestamp, b varchar) returns text",
];
const body = "language plpgsql as $$ begin raise exception 'a stranger ran as %', current_user; end $$";
const OPERATORS = [
  ["->>", "jsonb", "jsonb", "text"],
  ["->", "jsonb", "jsonb", "jsonb"],
  ["#>>", "jsonb", "jsonb", "text"],
  ["||", "text", "varchar", "text"],
  ["=", "text", "varchar", "boolean"],
] as const;

let database: TestDatabase;
beforeAll(async () => {
  database = await makeTestDatabase();
  await changeServiceRights(database.url, "expand");
  for (const stranger of STRANGERS) await database.servicePool.query(`create ${stranger} ${body}`);
  for (const [name, left, right, result] of OPERATORS) {
    const made = `public.stranger_${randomUUID().replaceAll("-", "")}`;
    await database.servicePool.query(
      `create function ${made}(a ${left}, b ${right}) returns ${result} ${body}`,
    );
    await database.servicePool.query(
      `create operator public.${name} (function = ${made}, leftarg = ${left}, rightarg = ${right})`,
    );
  }
});
afterAll(() => database.drop());

test("the strangers are taken where the schema is searched", async () => {
  for (const call of ["select convert_to('a'::text, 'UTF8')", `select '{"a": 1}'::jsonb ->> '"a"'`])
    await expect(database.servicePool.query(call)).rejects.toThrow("a stranger ran as sluice_service");
});

test("changes of features, hooks, targets, policies and tokens run none of them", async () => {
  const service = database.servicePool;
  const state = {
    enabled: true,
    rolloutBps: 9_000,
    holdoutBps: 1_000,
    epoch: 1,
    failureMode: "static",
    routes: [],
    tags: ["a"],
    requires: [],
  };
  const feature = { featureId: "feat_a", action: "create", reason: "new", details: {} };
  const commit = (item: object, segments: object[] = []) =>
    service.query("select commit_change($1) as result", [
      { changeId: randomUUID(), actor: "test", features: [{ ...feature, ...item }], segments },
    ]);
  const segment = {
    segmentId: "s",
    reason: "new",
    details: {},
    moves: true,
    next: { condition: {}, description: "", uses: [] },
  };
  const { rows } = await commit({ next: state, rule: { mode: "shadow" } }, [segment]);
  expect(rows).toMatchObject([{ result: { outcome: "committed", revision: 1, auditRows: 2 } }]);
  await commit({ action: "rollback", expectedVersion: 1, next: { ...state, enabled: false, latched: true } });
  await commit({ action: "delete", expectedVersion: 2, next: null });
  for (const statement of [
    `insert into alert_hooks (name, source, authentication, mode, feature_label, tag_label, allowed_features, allowed_tags,
       secret, created_by, updated_by) values ('h', 'generic', 'secret', 'shadow', 'f', 't', '{}', '{}', '\\x00', 'me', 'me')`,
    "update alert_hooks set version = 2",
    "delete from alert_hooks",
    "insert into api_tokens (token_id, digest, name, scope, created_by) values ('t', '\\x00', 'n', 'viewer', 'me')",
    "update api_tokens set revoked_at = now(), revoked_by = 'me'",
    "select audit_operator_change('me', 'forget', 'unit', 'asked', 1, '{}')",
    "select raise_revision(20)",
    "select note_lineage(true)",
    `insert into edge_receipts (edge_url, region, revision, ms, confirmed_at)
     values ('https://edge.example', 'r', 1, 1, now() - interval '8 days')`,
    "delete from edge_receipts",
  ])
    await service.query(statement).catch((error: unknown) => {
      throw new Error(statement, { cause: error });
    });
  const { rows: audit } = await database.pool.query<{ action: string }>(
    "select action from rollback_audit order by seq",
  );
  expect(audit.map(({ action }) => action).join(" ")).toBe(
    "segment create rollback delete hook hook hook token token forget",
  );
});

test("each function of the owner's searches what PostgreSQL brings, and nothing else", async () => {
  const { rows } = await database.pool.query<{ name: string; settings: string[] }>(
    "select proname as name, proconfig as settings from pg_proc where pronamespace = 'public'::regnamespace and prosecdef",
  );
  expect(rows.length).toBeGreaterThan(10);
  for (const { name, settings } of rows) expect(settings[0], name).toBe("search_path=pg_catalog, pg_temp");
});
