// schema.sql against the migrations, on a real PostgreSQL.
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dumpSchema } from "../../scripts/schema/dump-schema.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";

const written = await readFile(new URL("../../schema.sql", import.meta.url), "utf8");

let database: TestDatabase;
beforeEach(async () => {
  database = await makeTestDatabase();
});
afterEach(() => database.drop());

test("schema.sql is the schema that the migrations make (else: npm run schema)", async () => {
  expect(await dumpSchema(database.pool)).toBe(written);
});

test("schema.sql alone makes the same schema in an empty database", async () => {
  await database.pool.query("drop schema public cascade; create schema public");
  await database.pool.query(written);
  expect(await dumpSchema(database.pool)).toBe(written);
});

test("partitions that the service makes with time do not change the dump", async () => {
  await database.pool.query(
    "create table span_log_20300101_00 partition of span_log for values from ('2030-01-01 00:00Z') to ('2030-01-01 01:00Z')",
  );
  expect(await dumpSchema(database.pool)).toBe(written);
});

test.each([
  ["a column", "alter table outbox add column lane smallint"],
  ["a default", "alter table outbox alter column attempts set default 1"],
  ["a column that may be null", "alter table outbox alter column payload drop not null"],
  ["how a column is stored", "alter table span_log alter column block set storage extended"],
  ["how full pages are filled", "alter table pmf_trials set (fillfactor = 60)"],
  ["a check", "alter table outbox add check (attempts >= 0)"],
  ["a foreign key", "alter table pmf_ramps drop constraint pmf_ramps_feature_id_fkey"],
  ["an index", "drop index outbox_due"],
  ["an index of a partitioned table", "drop index otel_spans_feature"],
  ["a sequence", "create sequence lanes"],
  ["a view", "drop view dead_letters"],
  ["a function", "create or replace function raise_revision(above bigint) returns void language sql as ''"],
  ["a trigger", "drop trigger rollback_audit_append_only on rollback_audit"],
  ["an owner", "alter table span_log owner to sluice_service"],
  ["a right on a table", "grant update on rollback_audit to sluice_service"],
  ["a right of everybody", "grant execute on function commit_change(jsonb) to public"],
  [
    "a right on tables to come",
    "alter default privileges in schema public revoke all on tables from sluice_service",
  ],
])("a migration that changes %s makes schema.sql stale", async (_, statement) => {
  await database.pool.query(statement);
  expect(await dumpSchema(database.pool)).not.toBe(written);
});
