import { afterAll, expect, test } from "vitest";
import { connect } from "../../../origin/db/connect.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());

test("a connection that breaks while it is unused fails its next query, and the process goes on", async () => {
  const client = await connect({ connectionString: database.url });
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  const ended = new Promise<void>((resolve) => client.once("end", () => resolve()));
  await database.pool.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
  await ended;
  await expect(client.query("select 1")).rejects.toThrow("not queryable");
});
