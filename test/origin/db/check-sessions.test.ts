// Ways to a database that Sluice cannot use, with a real PgBouncer.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { sessionProblem } from "../../../origin/db/check-sessions.ts";
import { freePort } from "../../../origin/db/free-port.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { ADMIN_TOKEN } from "../../support/origin.ts";
import { startPgBouncer, type PoolMode } from "../../support/pgbouncer.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());

const bouncer = async (mode: PoolMode): Promise<string> => {
  const { url, stop } = await startPgBouncer(database.url, mode);
  onTestFinished(stop);
  return url;
};

test("PostgreSQL itself and PgBouncer that pools sessions can be used, also by several who ask at once", async () => {
  const pooled = await bouncer("session");
  const urls = [database.url, pooled, database.url, pooled];
  expect(await Promise.all(urls.map(sessionProblem))).toEqual([null, null, null, null]);
});

test.each<PoolMode>(["transaction", "statement"])(
  "PgBouncer in %s mode is refused with the reason and the way out",
  async (mode) => {
    expect(await sessionProblem(await bouncer(mode))).toMatch(
      /^a .+ Let DATABASE_URL lead to PostgreSQL itself, or to a pooler that pools sessions \(PgBouncer: pool_mode = session\)$/,
    );
  },
);

test("an origin behind PgBouncer in transaction mode does not start, and says why", async () => {
  const main = fileURLToPath(new URL("../../../origin/main.ts", import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: await bouncer("transaction"),
      ORIGIN_PORT: String(await freePort()),
      ADMIN_TOKEN,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let words = "";
  child.stderr.on("data", (chunk: Buffer) => (words += chunk.toString()));
  expect((await once(child, "close"))[0]).toBe(1);
  expect(words).toContain("the database cannot be used: DATABASE_URL: ");
  expect(words).toContain("pool_mode = session");
});
