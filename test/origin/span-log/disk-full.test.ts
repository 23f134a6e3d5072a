// A full disk under the log: telemetry is refused, not lost, and taken again when there is room. The disk is a small
// tmpfs, which only root may mount.
import { execFileSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { jsonRequest, newUnit } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, type TestTelemetry } from "../../support/telemetry.ts";

/** Whom the tests' PostgreSQL runs as. */
const POSTGRES_ID = 65_534;
const mount = (...args: string[]): void => void execFileSync("mount", args, { stdio: "ignore" });

const makeDisk = (): string | undefined => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "sluice-disk-"));
  try {
    mount("-t", "tmpfs", "-o", `size=3m,uid=${POSTGRES_ID},mode=0700`, "tmpfs", folder);
    chownSync(folder, POSTGRES_ID, POSTGRES_ID);
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
};
const disk = makeDisk();

let database: TestDatabase;
let telemetry: TestTelemetry;
beforeAll(async () => {
  if (disk === undefined) return;
  database = await makeTestDatabase();
  await database.pool.query(`create tablespace small_disk location '${disk}'`);
  await database.pool.query("alter table span_log set tablespace small_disk");
  telemetry = await startTelemetry(database);
});
afterAll(async () => {
  if (disk === undefined) return;
  await telemetry.stop();
  await database.pool.query("drop table span_log");
  await database.pool.query("drop tablespace small_disk");
  await database.drop();
  execFileSync("umount", [disk]);
  rmSync(disk, { recursive: true });
});

test.skipIf(disk === undefined)(
  "a full disk is a 503 with Retry-After; with room again everything acknowledged is counted once",
  async () => {
    await createFeature(database, "feat_disk");
    let acked = 0;
    const send = async (): Promise<Response> => {
      const spans = Array.from({ length: 500 }, () => ({ feature: "feat_disk", unit: newUnit() }));
      const response = await telemetry.send("/v1/traces", JSON.stringify(jsonRequest(spans)));
      if (response.status === 200) acked += spans.length;
      await response.arrayBuffer();
      return response;
    };
    let refused: Response | undefined;
    for (let n = 0; n < 200 && refused === undefined; n++) {
      const response = await send();
      if (response.status !== 200) refused = response;
    }
    expect(refused?.status).toBe(503);
    expect(["1", "2"]).toContain(refused?.headers.get("retry-after"));

    mount("-o", "remount,size=64m", disk ?? "");
    expect((await send()).status).toBe(200);
    await telemetry.folded();
    const { rows } = await database.pool.query(
      `select (select sum(requests)::integer from latency_sketches) as requests,
         (select sum(units)::integer from outcome_counts where signal = 'exposure') as units`,
    );
    expect(rows).toEqual([{ requests: acked, units: acked }]);
  },
  120_000,
);
