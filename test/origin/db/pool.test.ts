import { afterAll, expect, test } from "vitest";
import { inTransaction, makePool } from "../../../origin/db/pool.ts";
import { makeTestDatabase } from "../../support/database.ts";

const { pool, url, drop } = await makeTestDatabase();
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

test("a bigint is a number, a numeric stays text", async () => {
  const { rows } = await pool.query(
    "select 9007199254740991::bigint as big, count(*) as count, 1.50::numeric as exact",
  );
  expect(rows).toEqual([{ big: 9_007_199_254_740_991, count: 1, exact: "1.50" }]);
});

test("a session can ask the server to end it half a minute after the network has lost its client", async () => {
  const watched = makePool(url, {
    applicationName: "sluice-test",
    lostClientMs: 24_000,
    onIdleError: () => {},
  });
  const { rows } = await watched.query(
    `select name, setting from pg_settings where name like 'tcp\\_%' order by name`,
  );
  expect(rows).toEqual([
    { name: "tcp_keepalives_count", setting: "3" },
    { name: "tcp_keepalives_idle", setting: "12" },
    { name: "tcp_keepalives_interval", setting: "4" },
    { name: "tcp_user_timeout", setting: "24000" },
  ]);
  await watched.end();
});
