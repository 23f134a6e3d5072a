// `npm run fuzz -- [bodies]`: a million bodies that no honest client sends, against the whole handler over HTTP on a
// PostgreSQL of its own. Exit 1 when one is answered wrongly; says how much memory was gained.
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { migrate } from "../../origin/db/migrate.ts";
import { makePool } from "../../origin/db/pool.ts";
import { makeFeatureDirectory } from "../../origin/ingest/feature-directory.ts";
import { makeBotRequestCounter } from "../../origin/ingest/bot-request-counter.ts";
import { makeSeenRegions } from "../../origin/ingest/seen-regions.ts";
import { makeOtlpHandler } from "../../origin/ingest/otlp-handler.ts";
import { makeLogger } from "../../origin/runtime/log.ts";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import { makeUncountedSpans } from "../../origin/span-log/uncounted.ts";
import { makePseudonymKeys } from "../../origin/span-log/pseudonyms/pseudonym-keys.ts";
import { makeSpanLog } from "../../origin/span-log/append.ts";
import { endWithRun } from "../support/end-with-run.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { fuzzBody, gzipBomb } from "./bodies.ts";

const bodies = Number(process.argv[2] ?? 1_000_000);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const SAY_EVERY = 100_000;

endWithRun();
const folder = await mkdtemp(join(tmpdir(), "sluice-fuzz-"));
const postgres = await startEmbeddedPostgres({ dataDir: folder });
await migrate(postgres.url);
const pool = makePool(postgres.url, { applicationName: "sluice-fuzz", onIdleError: () => {} });
await pool.query(
  "insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision) values ('feat_fuzz', true, 1, 0, 1)",
);
const log = makeSpanLog({ pool, partitions: 4 });
const metrics = makeMetrics();
const handler = makeOtlpHandler({
  log,
  directory: makeFeatureDirectory({
    db: pool,
    pseudonyms: makePseudonymKeys({ db: pool, keys: undefined, naming: "pseudonymous" }),
    nowMs: () => performance.now(),
  }),
  bots: makeBotRequestCounter(pool),
  uncounted: makeUncountedSpans(),
  regions: makeSeenRegions(pool, metrics),
  raw: { sampleBps: 10_000, slowMs: 1_000 },
  captchaThreshold: 0.5,
  mayIngest: async () => ({ may: true }),
  metrics,
  logger: makeLogger("error"),
});
const server = createServer(handler);
const { url: origin } = await listenOnLoopback(server);
const url = `${origin}/v1/traces`;
const agent = new Agent({ keepAlive: true, maxSockets: 16 });

const post = (body: Buffer, headers: Readonly<Record<string, string>>): Promise<number> =>
  new Promise((resolve) => {
    const sent = request(
      url,
      { agent, method: "POST", headers: { "content-length": body.length, ...headers } },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    sent.on("error", () => resolve(0));
    sent.end(body);
  });

let wrong = 0;
let next = 0;
let residentBefore = 0;
const statuses = new Map<number, number>();
const worker = async (): Promise<void> => {
  while (next < bodies) {
    const seed = next++;
    if (seed % SAY_EVERY === 0) say(`${seed} of ${bodies} bodies sent`);
    if (seed === Math.floor(bodies / 2)) residentBefore = process.memoryUsage().rss;
    const { kind, body, headers, mustFail } = seed % 5_000 === 0 ? gzipBomb() : fuzzBody(seed);
    const status = await post(body, headers);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status >= 400 && status < 500) continue;
    if (!mustFail && status === 200) continue;
    wrong++;
    if (wrong <= 20) say(`seed ${seed}, ${kind}: ${status}`);
  }
};
const begunAt = performance.now();
await Promise.all(Array.from({ length: 16 }, worker));
const gainedMb = (process.memoryUsage().rss - residentBefore) / 2 ** 20;
const answers = [...statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`);
say(`${bodies} bodies in ${Math.round((performance.now() - begunAt) / 1_000)} s: ${answers.join(", ")}`);
say(
  `${wrong} answered wrongly; memory gained in the second half: ${gainedMb >= 0 ? "+" : ""}${Math.round(gainedMb)} MB`,
);

agent.destroy();
server.close();
server.closeAllConnections();
await log.stop();
await pool.end();
await postgres.stop();
await rm(folder, { recursive: true, force: true });
process.exitCode = wrong === 0 ? 0 : 1;
