import { afterAll, expect, test } from "vitest";
import { inTransaction } from "../../../origin/db/pool.ts";
import { makeTestDatabase } from "../../support/database.ts";

const { pool, drop } = await makeTestDatabase();
afterAll(drop);

test("a connection that breaks in a transaction fails this transaction and nothing else", async () => {
  const broken = inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    await pool.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
    await client.query("select pg_sleep(10)");
  });
  await expect(broken).rejects.toThrow();
  expect(await inTransaction(pool, (client) => client.query("select 1"))).toMatchObject({ rowCount: 1 });
});
