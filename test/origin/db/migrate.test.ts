import { readFile } from "node:fs/promises";
import { afterAll, expect, test } from "vitest";
import { migrate, migrationNames } from "../../../origin/db/migrate.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());

test("two processes that migrate at once wait for one another and apply each migration once", async () => {
  await database.pool.query("drop schema public cascade");
  await database.pool.query("create schema public");
  const [first, second] = await Promise.all([migrate(database.url), migrate(database.url)]);
  const names = [...first, ...second];
  expect(names).toContain("0001_features");
  expect(new Set(names).size).toBe(names.length);
  const { rows } = await database.pool.query<{ name: string }>(
    "select name from schema_migrations order by id",
  );
  expect(rows.map((row) => row.name)).toEqual(names);
});

/** Tables that get an index from SQL which does not make them. */
const indexedBefore = (sql: string): string[] => {
  const text = sql.replaceAll(/--.*$/gm, "").toLowerCase();
  const tablesOf = (form: RegExp) => [...text.matchAll(form)].map((match) => match[1] ?? "");
  const made = new Set(tablesOf(/create table (?:if not exists )?(\w+)/g));
  return [
    ...tablesOf(/create (?:unique )?index\b[^;]*?\son\s+(?:only )?(\w+)/g),
    ...tablesOf(/alter table (?:only )?(\w+)[^;]*?\sadd (?:constraint \w+ )?(?:unique|primary key|exclude)/g),
  ].filter((table) => !made.has(table));
};

test("an index on a table that was there before is found in a migration's text", () => {
  expect(indexedBefore("create table a (b int); create index a_b on a (b);")).toEqual([]);
  expect(indexedBefore("create index on span_log (seq);")).toEqual(["span_log"]);
  expect(indexedBefore("create unique index concurrently u on only unit_evidence (run);")).toEqual([
    "unit_evidence",
  ]);
  expect(indexedBefore("alter table outbox add constraint one unique (id);")).toEqual(["outbox"]);
  expect(indexedBefore("-- create index on span_log (seq);")).toEqual([]);
});

/** Small tables: the audit has a row for each change that a person or a decision makes. */
const SMALL = new Set(["0040_audit_by_revision: rollback_audit"]);

test("no migration makes the writers of an existing large table wait for an index", async () => {
  const found: string[] = [];
  for (const name of await migrationNames()) {
    const sql = await readFile(new URL(`../../../migrations/${name}.sql`, import.meta.url), "utf8");
    for (const table of indexedBefore(sql)) found.push(`${name}: ${table}`);
  }
  expect(found.filter((each) => !SMALL.has(each))).toEqual([]);
});
