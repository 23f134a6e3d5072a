import { readFile } from "node:fs/promises";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { databaseChecks } from "../../../origin/db/database-health.ts";
import { migrate, migrationNames } from "../../../origin/db/migrate.ts";
import { openDatabase } from "../../../origin/db/open-database.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { makeLogger } from "../../../origin/runtime/log.ts";
import { pretendOldServer, SAID_VERSION } from "../../support/old-server.ts";

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

test("a server that is too old is refused before anything is written, and doctor says what to do", async () => {
  const old = await makeTestDatabase();
  onTestFinished(() => old.drop());
  await pretendOldServer(old);
  const checks = databaseChecks({
    pool: old.servicePool,
    replica: undefined,
    migrations: [],
    nowMs: Date.now,
  });
  expect(await checks.find(({ id }) => id === "database")?.run()).toEqual([
    {
      status: "failing",
      summary: `PostgreSQL ${SAID_VERSION} is too old, 17 is needed`,
      todo: expect.stringMatching(/^move the database to PostgreSQL 17 or newer/),
    },
  ]);

  await old.pool.query("drop schema public cascade");
  await old.pool.query("create schema public");
  const refused = /is too old, 17 is needed; nothing was changed there: move the database to PostgreSQL 17/;
  const log = makeLogger("silent");
  const config = { DATABASE_URL: old.url, DATABASE_REPLICA_URL: undefined, DATA_DIR: "/nonexistent" };
  for (const MIGRATE of ["start", "wait"] as const)
    await expect(
      openDatabase({
        config: { ...config, ORIGIN_PORT: 1, MIGRATE },
        log,
        isEnding: () => true,
        isStopping: () => false,
      }),
      MIGRATE,
    ).rejects.toThrow(refused);
  await expect(migrate(old.url)).rejects.toThrow(refused);
  const { rows } = await old.pool.query("select from pg_class where relnamespace = 'public'::regnamespace");
  expect(rows).toEqual([]);
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
