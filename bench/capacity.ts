// What one span, unit, check and gated request cost: CPU by part, bytes by table. `sluice capacity` computes with these figures.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../origin/db/free-port.ts";
import { root } from "../origin/runtime/place.ts";
import { startOriginProcess } from "../scripts/local-stack/origin-process.ts";
import { FeatureId } from "../shared/ids.ts";
import { makeIdleEvaluator } from "./check/evaluator.ts";
import { runLoad } from "./ingest/load.ts";
import { cpuSeconds } from "../test/support/linux-processes.ts";
import { makeRequests } from "./ingest/requests.ts";
import { startIngestSetting } from "./ingest/setting.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "15" },
    rate: { type: "string", default: "30000" },
    checks: { type: "string", default: "500" },
    /** rounds of `bench -- edge`, which the cost of a gated request comes from; 0: not measured */
    edge: { type: "string", default: "6" },
  },
});
const SPANS = 512;
const FEATURES = 20;
const VISITORS = 200_000;
const round = (value: number, digits = 2): number => Number(value.toFixed(digits));
const say = (line: string): void => {
  if (!values.json) console.log(line);
};

const setting = await startIngestSetting({ features: FEATURES, env: { ROLES: "ingest" } });
const { pool } = setting;
const fold = startOriginProcess({
  port: await freePort(),
  env: {
    ROLES: "fold",
    DATABASE_URL: setting.postgres.url,
    ADMIN_TOKEN: randomBytes(16).toString("hex"),
    LOG_LEVEL: "warn",
  },
  onLine: (line) => process.stderr.write(`${line}\n`),
});

/** Bytes of a table with its partitions and indexes. */
const bytesOf = async (table: string): Promise<number> => {
  const { rows } = await pool.query<{ bytes: number }>(
    "select coalesce(sum(pg_total_relation_size(relid)), 0)::float8 as bytes from pg_partition_tree($1::regclass)",
    [table],
  );
  return rows[0]?.bytes ?? 0;
};
const walBytes = async (): Promise<number> => {
  const { rows } = await pool.query<{ bytes: number }>(
    "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as bytes",
  );
  return rows[0]?.bytes ?? 0;
};
const rowsOf = async (table: "unit_evidence" | "otel_spans"): Promise<number> => {
  const { rows } = await pool.query<{ count: number }>(`select count(*)::float8 as count from ${table}`);
  return rows[0]?.count ?? 0;
};
const state = async () => ({
  ingest: cpuSeconds(setting.origin.pid()),
  fold: cpuSeconds(fold.pid()),
  postgres: cpuSeconds(setting.postgres.pid),
  log: await bytesOf("span_log"),
  raw: await bytesOf("otel_spans"),
  rawRows: await rowsOf("otel_spans"),
  units: await bytesOf("unit_evidence"),
  unitRows: await rowsOf("unit_evidence"),
  wal: await walBytes(),
});

/** CPU and bytes a span under a steady load, until all of it is folded. */
const measureSpans = async (units: () => number) => {
  const requests = makeRequests({ features: setting.features, spans: SPANS, units });
  const body = requests.take();
  requests.giveBack(body);
  const before = await state();
  const { acked } = await runLoad({
    url: setting.origin.url,
    token: setting.token,
    requests,
    spansPerRequest: SPANS,
    seconds: Number(values.seconds),
    connections: 32,
    requestsPerSecond: Number(values.rate) / SPANS,
  });
  await setting.folded();
  const after = await state();
  const a = (name: keyof typeof before, scale: number): number =>
    round(((after[name] - before[name]) / acked) * scale);
  return {
    acked,
    newUnits: after.unitRows - before.unitRows,
    unitBytes: after.units - before.units,
    rawSpanBytes: round((after.raw - before.raw) / Math.max(1, after.rawRows - before.rawRows)),
    ingestCpuUs: a("ingest", 1e6),
    foldCpuUs: a("fold", 1e6),
    postgresCpuUs: a("postgres", 1e6),
    logBytes: a("log", 1),
    walBytes: a("wal", 1),
    requestBytes: round(body.body.length / SPANS),
  };
};

/** CPU ms of one check that finds nothing new, by the evaluator's own code. */
const measureChecks = async () => {
  const evaluator = makeIdleEvaluator(pool);
  const ids = setting.features.map((id) => FeatureId.parse(id));
  await evaluator.evaluate(ids);
  const before = { own: process.cpuUsage(), postgres: cpuSeconds(setting.postgres.pid) };
  const checks = Number(values.checks);
  for (let n = 0; n < checks; n++) await evaluator.evaluate(ids.slice(n % ids.length, (n % ids.length) + 1));
  const own = process.cpuUsage(before.own);
  const postgres = cpuSeconds(setting.postgres.pid) - before.postgres;
  return {
    checkCpuMs: round((own.user + own.system) / 1e3 / checks),
    checkPostgresCpuMs: round((postgres * 1e3) / checks),
  };
};

/** µs of workerd's CPU that a gated request takes beyond a pass-through, and all of it. */
const measureEdge = (): { passThroughCpuUs: number; gate1CpuUs: number; gate100CpuUs: number } | null => {
  if (Number(values.edge) === 0) return null;
  const out = execFileSync(
    "npm",
    ["run", "--silent", "bench", "--", "edge", "--rounds", values.edge, "--json"],
    {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const { passThroughCpuUs, gate1CpuUs, gate100CpuUs } = JSON.parse(out.trim().split("\n").at(-1) ?? "{}");
  return { passThroughCpuUs, gate1CpuUs, gate100CpuUs };
};

try {
  await fold.ready();
  await measureSpans(() => Math.floor((Math.random() * VISITORS) / 10));
  say("warmed up: every unit is known, as of visitors who come back");
  const known = await measureSpans(() => Math.floor((Math.random() * VISITORS) / 10));
  say(
    `a span: ingest ${known.ingestCpuUs} µs, fold ${known.foldCpuUs} µs, PostgreSQL ${known.postgresCpuUs} µs of CPU; ` +
      `${known.requestBytes} bytes come in, ${known.logBytes} are in the log, ${known.walBytes} in the WAL (${known.acked} spans)`,
  );
  let next = VISITORS;
  const fresh = await measureSpans(() => next++);
  const unitBytes = round(fresh.unitBytes / Math.max(1, fresh.newUnits));
  say(
    `a span of a new unit: ingest ${fresh.ingestCpuUs} µs, fold ${fresh.foldCpuUs} µs, PostgreSQL ${fresh.postgresCpuUs} µs; ` +
      `${fresh.walBytes} bytes of WAL; a unit takes ${unitBytes} bytes (${fresh.newUnits} units), ` +
      `a raw span ${fresh.rawSpanBytes}`,
  );
  await sleep(2_000);
  const checks = await measureChecks();
  say(`a check: ${checks.checkCpuMs} ms in the origin, ${checks.checkPostgresCpuMs} ms in PostgreSQL`);
  const edge = measureEdge();
  if (edge !== null)
    say(
      `a request at the edge: ${edge.passThroughCpuUs} µs passed through, ${edge.gate1CpuUs} µs gated by 1 feature, ` +
        `${edge.gate100CpuUs} µs by 100`,
    );
  if (values.json) console.log(JSON.stringify({ known, fresh, unitBytes, ...checks, ...edge }));
} finally {
  await fold.stop();
  await setting.stop();
}
