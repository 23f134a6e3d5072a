import { afterAll, expect, test } from "vitest";
import { migrate } from "../../../origin/db/migrate.ts";
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
