// `npm run bench -- upgrade` replaces every part under full load; here are fewer processes and a lower load.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";

const bench = fileURLToPath(new URL("../../bench/upgrade.ts", import.meta.url));
const Found = z.object({
  visits: z.number().min(500),
  failed: z.literal(0),
  visitsLost: z.literal(0),
  spansAcked: z.number().min(5_000),
  spansRefused: z.literal(0),
  spansLost: z.literal(0),
  rollbacks: z.number().min(3),
  worstRollbackMs: z.number().max(1_000),
  restartMs: z.record(z.string(), z.number()),
  complaints: z.array(z.string()).max(0),
});

test("every part is restarted under load: no request fails, no span is lost, and rollbacks take a second at most", async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [bench, "--json", "--short", "--from", "this", "--visitors", "50", "--ingest", "1024"],
    { maxBuffer: 2 ** 24 },
  );
  const found = Found.parse(JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
  expect(Object.keys(found.restartMs)).toEqual([
    "admin 1",
    "admin 2",
    "ingest 1",
    "ingest 2",
    "fold 1",
    "fold 2",
    "edge 1",
    "edge 2",
  ]);
}, 300_000);
