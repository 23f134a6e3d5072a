// A commit of the log whose answer was lost may still happen, after later ones.
import { expect, test } from "vitest";
import { makePool } from "../../../origin/db/pool.ts";
import { startCuttableProxy } from "../../support/cuttable-proxy.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { jsonRequest, newUnit } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, waitFor } from "../../support/telemetry.ts";

const HOLD = 4_711;

test("a late commit is counted once, also when the fold restarts before its client sends again", async () => {
  const database = await makeTestDatabase();
  const { pool } = database;
  await createFeature(database, "feat_late");
  // The log's first insert waits inside the database until the lock is free.
  await pool.query(`
    create sequence inserts;
    create function hold_first() returns trigger language plpgsql as $$
      begin
        if nextval('inserts') = 1 then perform pg_advisory_xact_lock_shared(${HOLD}); end if;
        return new;
      end $$;
    create trigger hold_first before insert on span_log for each row execute function hold_first()`);
  const holder = await pool.connect();
  await holder.query("select pg_advisory_lock($1)", [HOLD]);

  const proxy = await startCuttableProxy(database.url);
  const url = new URL(database.url);
  url.host = new URL(proxy.url).host;
  const logPool = makePool(url.href, { applicationName: "sluice-test-log", max: 1, onIdleError: () => {} });
  const ingest = await startTelemetry(database, { fold: false, logPool });
  const send = async (body: string) => (await ingest.send("/v1/traces", body)).status;
  const unit = newUnit(); // of one unit, so that both are in one partition
  const body = () => JSON.stringify(jsonRequest([{ feature: "feat_late", unit, variant: "treatment" }]));
  const rowsInLog = async () => (await pool.query("select from span_log")).rowCount ?? 0;
  const requests = async () => {
    const { rows } = await pool.query<{ sum: number }>("select sum(requests)::integer from latency_sketches");
    return rows[0]?.sum;
  };
  try {
    const late = body();
    const lost = send(late);
    await waitFor(async () => {
      const { rowCount } = await pool.query(
        "select from pg_locks where locktype = 'advisory' and objid = $1 and not granted",
        [HOLD],
      );
      return rowCount === 1;
    });
    proxy.cut();
    expect(await lost).toBe(503);
    proxy.mend();
    expect(await send(body())).toBe(200);

    const before = await startTelemetry(database);
    await before.folded();
    expect(await requests()).toBe(1);
    await before.stop();

    await holder.query("select pg_advisory_unlock($1)", [HOLD]);
    await waitFor(async () => (await rowsInLog()) === 2);

    const after = await startTelemetry(database);
    expect(await send(late)).toBe(200);
    await after.folded();
    await after.stop();
    expect(await requests()).toBe(2);
  } finally {
    holder.release(true);
    await ingest.stop();
    await logPool.end();
    proxy.stop();
    await database.drop();
  }
});
