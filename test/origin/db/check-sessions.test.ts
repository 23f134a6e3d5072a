// Ways to a database that Sluice cannot use, with a real PgBouncer.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { sessionProblem } from "../../../origin/db/check-sessions.ts";
import { freePort } from "../../../origin/db/free-port.ts";
import { makePool } from "../../../origin/db/pool.ts";
import { asServiceRole } from "../../../origin/db/service-role.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { ADMIN_TOKEN, ORIGIN_INGEST_TOKEN, startOrigin } from "../../support/origin.ts";
import { jsonRequest } from "../../support/otlp-spans.ts";
import { startPgBouncer, type PoolMode } from "../../support/pgbouncer.ts";
import { waitFor } from "../../support/telemetry.ts";

const Signals = z.object({ cohorts: z.object({ treatment: z.object({ exposed: z.number() }) }) });

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

test("an origin behind PgBouncer in session mode works, as the role with few rights and with its timeouts", async () => {
  const url = await bouncer("session");
  const origin = await startOrigin({ DATABASE_URL: url });
  onTestFinished(async () => void (await origin.end("SIGKILL")));
  await origin.admin("POST", "/features", { featureId: "feat_pooled", enabled: true, rolloutBps: 10_000 });
  const units = Array.from({ length: 20 }, (_, i) => ({
    feature: "feat_pooled",
    unit: `unit ${i}`,
    variant: "treatment",
    epoch: 1,
  }));
  const answer = await fetch(`${origin.url}/v1/traces`, {
    method: "POST",
    headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(jsonRequest(units)),
  });
  expect(answer.status).toBe(200);
  await waitFor(async () => {
    const signals = await origin.admin("GET", "/features/feat_pooled/signals");
    return Signals.parse(signals).cohorts.treatment.exposed === units.length;
  });
  await origin.admin("POST", "/features/feat_pooled/rollback", { reason: "test" });
  expect(await origin.admin("GET", "/features/feat_pooled")).toMatchObject({ enabled: false });

  const pool = makePool(asServiceRole(url), {
    applicationName: "sluice-test",
    queryTimeoutMs: 4_321,
    onIdleError: () => {},
  });
  onTestFinished(() => pool.end());
  const { rows } = await pool.query(
    "select current_user as role, current_setting('statement_timeout') as timeout",
  );
  expect(rows).toEqual([{ role: "sluice_service", timeout: "4321ms" }]);
});
