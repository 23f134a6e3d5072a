// What a span costs in CPU where there are more ingest and fold processes, and more databases. Each process gets the same rate in every size:
// with a fixed rate in all, more processes would have smaller commits and smaller rounds of the fold, and those are what one would
// measure. So a process in a large installation does what one does in a small one, and costs the same unless something is shared.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { DEFAULT_PARTITIONS } from "../../shared/telemetry/partition-numbers.ts";
import { median } from "../figures.ts";
import { startInstallation } from "./installation.ts";
import { runLoad } from "./load.ts";
import { cpuSeconds, threadsCpuMs } from "../../test/support/linux-processes.ts";
import { makeRequests } from "./requests.ts";

const SPANS = 512;
const FEATURES = 20;
/** Tens of visitors for each process: after the warm-up nearly all are known, in each size the same share. */
const VISITOR_TENS = 200;
/** Node compiles the hot path in the first seconds. */
const WARM_UP_S = 4;
const SETTINGS = { max_connections: "300" };

/** `processes`: of each role. */
export type Size = { readonly processes: number; readonly databases: number };
type Cost = { readonly ingestUs: number; readonly foldUs: number; readonly postgresUs: number };
type Measured = Cost & {
  /** of each ingest process, as it was while CPU was measured */
  readonly spansPerSecond: number;
  readonly acked: number;
  readonly counted: number;
  readonly failed: number;
};

/** One process of each role and one database first: the others are compared with it. */
export const sizesUpTo = ({ processes, databases }: Size): Size[] => {
  const sizes: Size[] = [];
  for (let n = 1; n < processes; n *= 2) sizes.push({ processes: n, databases: 1 });
  sizes.push({ processes, databases: 1 });
  if (databases > 1) sizes.push({ processes: 1, databases });
  if (databases > 1 && processes > 1) sizes.push({ processes, databases });
  return sizes;
};

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

const measure = async (
  size: Size,
  options: { servers: readonly EmbeddedPostgres[]; seconds: number; rate: number },
): Promise<Measured> => {
  const servers = options.servers.slice(0, size.databases);
  const installation = await startInstallation({ servers, processes: size.processes, features: FEATURES });
  try {
    const units = (): number => Math.floor(Math.random() * VISITOR_TENS * size.processes);
    const { features, token, ingests, folds } = installation;
    const loads = ingests.map(({ url }) => ({
      url,
      token,
      requests: makeRequests({ features, spans: SPANS, units }),
      spansPerRequest: SPANS,
      connections: 16,
      requestsPerSecond: options.rate / SPANS,
    }));
    const load = async (seconds: number) => {
      const results = await Promise.all(loads.map((each) => runLoad({ ...each, seconds })));
      return {
        acked: results.reduce((sum, { acked }) => sum + acked, 0),
        failed: results.reduce((sum, { failed }) => sum + failed, 0),
        seconds: Math.max(...results.map((each) => each.seconds)),
      };
    };
    const cpu = () => ({
      ingest: sumOf(ingests.map((each) => threadsCpuMs(each.pid()))),
      fold: sumOf(folds.map((each) => threadsCpuMs(each.pid()))),
      postgres: 1_000 * sumOf(servers.map((each) => cpuSeconds(each.pid))),
    });
    const warmUp = await load(WARM_UP_S);
    // The load goes on without a pause: what is not folded yet is as much before as after.
    const before = cpu();
    const steady = await load(options.seconds);
    const after = cpu();
    await installation.folded();
    const perSpan = (ms: number): number => (ms * 1_000) / steady.acked;
    return {
      ingestUs: perSpan(after.ingest - before.ingest),
      foldUs: perSpan(after.fold - before.fold),
      postgresUs: perSpan(after.postgres - before.postgres),
      spansPerSecond: Math.round(steady.acked / steady.seconds / size.processes),
      acked: warmUp.acked + steady.acked,
      failed: warmUp.failed + steady.failed,
      counted: await installation.counted(),
    };
  } finally {
    await installation.stop();
  }
};

const round = (value: number): number => Number(value.toFixed(2));

/** Prints the medians of all rounds. A ratio is that to the first size of the same round. */
export const measureCostBySize = async (options: {
  upTo: Size;
  /** spans a second to each ingest process */
  rate: number;
  seconds: number;
  rounds: number;
  json: boolean;
}): Promise<void> => {
  const { upTo, rate, rounds } = options;
  const say = (line: string): void => {
    if (!options.json) console.log(line);
  };
  const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const servers: EmbeddedPostgres[] = [];
  try {
    for (let n = 0; n < upTo.databases; n++)
      servers.push(await startEmbeddedPostgres({ dataDir: join(folder, String(n)), settings: SETTINGS }));
    say(
      `${rate} spans/s to each ingest process, in requests of ${SPANS}; ${rounds} rounds of ${options.seconds} s`,
    );
    const results = sizesUpTo(upTo).map((size) => ({ size, measured: [] as Measured[] }));
    for (let n = 0; n < rounds; n++)
      for (const { size, measured } of results) {
        const found = await measure(size, { ...options, servers });
        measured.push(found);
        say(
          `round ${n + 1}, ${size.processes} + ${size.processes} processes, ${size.databases} databases: ingest ` +
            `${round(found.ingestUs)}, fold ${round(found.foldUs)}, PostgreSQL ${round(found.postgresUs)} µs a span at ` +
            `${found.spansPerSecond} spans/s a process; acked ${found.acked}, counted ${found.counted}, refused ${found.failed}`,
        );
      }
    const first = results[0]?.measured ?? [];
    const costOf = (measured: readonly Measured[], part: keyof Cost) => ({
      us: round(median(measured.map((each) => each[part]))),
      ratio: round(median(measured.map((each, n) => each[part] / (first[n]?.[part] ?? NaN)))),
    });
    const rows = results.map(({ size, measured }) => ({
      processes: size.processes,
      databases: size.databases,
      ingest: costOf(measured, "ingestUs"),
      fold: costOf(measured, "foldUs"),
      postgres: costOf(measured, "postgresUs"),
      spansPerSecond: median(measured.map(({ spansPerSecond }) => spansPerSecond)),
      acked: measured.reduce((sum, { acked }) => sum + acked, 0),
      counted: measured.reduce((sum, { counted }) => sum + counted, 0),
    }));
    const wrong = rows.reduce((sum, { acked, counted }) => sum + Math.abs(acked - counted), 0);
    say("\nprocesses  databases  ingest         fold           PostgreSQL     µs a span, and the ratio");
    const shown = ({ us, ratio }: { us: number; ratio: number }): string =>
      `${us.toFixed(2).padStart(5)}  ×${ratio.toFixed(2)}`.padEnd(15);
    for (const row of rows)
      say(
        `${String(row.processes).padStart(9)}  ${String(row.databases).padStart(9)}  ` +
          `${shown(row.ingest)}${shown(row.fold)}${shown(row.postgres)}`.trimEnd(),
      );
    say(`acked ${rows.reduce((sum, { acked }) => sum + acked, 0)}, of which ${wrong} are counted wrongly`);
    if (options.json) console.log(JSON.stringify({ rate, rounds, wrong, sizes: rows }));
    if (wrong !== 0) process.exitCode = 1;
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  }
};

/** null: there may be so many. */
export const sizeProblem = ({ processes, databases }: Size): string | null => {
  const may = (number: number): boolean =>
    Number.isInteger(number) && number >= 1 && number <= DEFAULT_PARTITIONS;
  if (!may(processes)) return `--processes must be a whole number from 1 to ${DEFAULT_PARTITIONS}`;
  return may(databases) ? null : `--databases must be a whole number from 1 to ${DEFAULT_PARTITIONS}`;
};
