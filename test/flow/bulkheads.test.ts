// One poisoned element in every stage that works on many, all at once: a real origin with every role, a real PostgreSQL, a
// real edge and one that is broken. Whatever is sound arrives, and each poison is named.
import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { jsonRequest, newUnit } from "../support/otlp-spans.ts";
import { ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { eventually } from "../support/stack.ts";

const POISON = "feat_poison";
const GOOD = "feat_good";
const CROWD = Array.from({ length: 24 }, (_, i) => `feat_crowd_${i}`);
const UNITS = 5;

let database: TestDatabase;
let edge: TestEdge;
let origin: OriginUnderTest;
const brokenEdge = createServer((_, response) => response.end("<html>no JSON</html>"));
let brokenUrl: string;

const rule = {
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 200,
  minCohortSize: 200,
  evaluationWindowSeconds: 3600,
};
const create = async (featureId: string): Promise<void> => {
  await origin.admin("POST", "/features", { featureId, enabled: true, rolloutBps: 9_000 });
  await database.pool.query("insert into pmf_rules (feature_id, rule) values ($1, $2)", [
    featureId,
    { featureId, ...rule },
  ]);
};
const first = async <T>(text: string, values: readonly unknown[] = []): Promise<T | undefined> =>
  (await database.pool.query(text, [...values])).rows[0]?.value as T | undefined;
const metrics = async (): Promise<string> => (await fetch(`${origin.url}/metrics`)).text();
const openAtEdge = async (): Promise<string[]> => {
  const { features } = (await (await fetch(`${edge.url}/.sluice/explain`)).json()) as {
    features: { featureId: string; state: string }[];
  };
  return features.flatMap(({ featureId, state }) => (state === "open" ? [featureId] : []));
};
const send = async (spans: Parameters<typeof jsonRequest>[0]): Promise<unknown> => {
  const answer = await fetch(`${origin.url}/v1/traces`, {
    method: "POST",
    headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(jsonRequest(spans)),
  });
  expect(answer.status).toBe(200);
  return answer.json();
};

beforeAll(async () => {
  database = await makeTestDatabase();
  const { pool } = database;
  // Partitions: the names of one hour and one month are taken by tables of somebody else.
  await pool.query(`do $$ begin
    execute format('create table %I ()', 'span_log_' || to_char((now() + interval '5 hours') at time zone 'UTC', 'YYYYMMDD_HH24'));
    execute format('create table %I ()', 'otel_spans_' || to_char(now() + interval '1 month', 'YYYYMM'));
  end $$`);
  // Outbox: a message that cannot be read, before all others.
  await pool.query("insert into outbox (topic, revision, payload) values ('state', 0, '{}')");
  edge = await startTestEdge({ UPSTREAM_URL: "http://127.0.0.1:1" });
  ({ url: brokenUrl } = await listenOnLoopback(brokenEdge));
  origin = await startOrigin({
    DATABASE_URL: database.url,
    EDGE_URLS: `${brokenUrl},${edge.url}`,
    PUSH_KEYS: "new:push-secret-of-the-tests-0123456789abcdefghijklmnop",
    EVALUATE_EVERY_MS: "100",
  });
  for (const featureId of [POISON, GOOD, ...CROWD]) await create(featureId);
  await eventually(async () => (await openAtEdge()).length === CROWD.length + 2, 20_000);
  // Fold, evaluation and commits: what belongs to one feature is refused, or cannot be read.
  await pool.query(
    `alter table outcome_counts add constraint refused check (feature_id <> '${POISON}') not valid`,
  );
  await pool.query(
    `alter table feature_flags add constraint refused check (feature_id <> '${POISON}' or enabled) not valid`,
  );
  await pool.query("update pmf_rules set rule = '[]', version = version + 1 where feature_id = $1", [POISON]);
});
afterAll(async () => {
  await origin.end("SIGTERM");
  brokenEdge.close();
  brokenEdge.closeAllConnections();
  await edge.stop();
  await database.drop();
});

test("commits: of 25 rollbacks at once the one that the database refuses fails, and the others are at the sound edge", async () => {
  // Among the others: whatever comes first travels alone.
  const ids = [...CROWD.slice(0, 12), POISON, ...CROWD.slice(12)];
  const answers = await Promise.all(
    ids.map((featureId) =>
      origin.admin("POST", `/features/${featureId}/rollback`, { reason: "test" }).then(
        () => "done",
        (error: unknown) => String(error),
      ),
    ),
  );
  expect(answers[12]).toContain("500");
  expect(answers.toSpliced(12, 1)).toEqual(CROWD.map(() => "done"));
  await eventually(async () => (await openAtEdge()).toSorted().join() === `${GOOD},${POISON}`, 10_000);
});

test("edges: the sound one confirms everything while the broken one is named with its reason", async () => {
  type Status = {
    revision: number;
    edges: { url: string; completeRevision: number; lastError: string | null }[];
  };
  const status = async () => (await origin.admin("GET", "/edges")) as Status;
  await eventually(async () => {
    const { revision, edges } = await status();
    return edges.find(({ url }) => url === edge.url)?.completeRevision === revision;
  });
  const broken = (await status()).edges.find(({ url }) => url === brokenUrl);
  expect(broken?.lastError).toContain("HTTP 200 with an unreadable answer");
});

test("outbox: every message but the unreadable one is delivered, and that one is kept and counted", async () => {
  const waiting = "select count(*)::integer as value from outbox where done_at is null";
  await eventually(async () => (await first(waiting)) === 1);
  expect(await first("select revision as value from outbox where done_at is null")).toBe(0);
  expect(await first("select attempts > 1 as value from outbox where revision = 0")).toBe(true);
});

test("ingest and fold: the sound spans of a request are counted, beside spans that never can be and a feature that cannot be now", async () => {
  const good = Array.from({ length: UNITS }, () => ({ feature: GOOD, unit: newUnit() }));
  const answer = await send([
    { feature: POISON, unit: newUnit() },
    { feature: GOOD },
    { feature: "feat_unknown", unit: newUnit() },
    ...good,
  ]);
  expect(answer).toMatchObject({ partialSuccess: { rejectedSpans: "2" } });
  await eventually(
    async () =>
      (await first(
        "select sum(units)::integer as value from outcome_counts where feature_id = $1 and signal = 'exposure'",
        [GOOD],
      )) === UNITS,
    20_000,
  );
  await eventually(async () =>
    (await metrics()).includes(`sluice_fold_set_aside_spans{feature="${POISON}"} 1`),
  );
});

test("evaluation: the sound feature is looked at each round, and the other one is named", async () => {
  const lookedAt = () =>
    first<Date>("select looked_at as value from pmf_looks where feature_id = $1", [GOOD]).then((at) =>
      Number(at ?? 0),
    );
  const before = await lookedAt();
  await eventually(async () => (await lookedAt()) > before, 10_000);
  expect(await metrics()).toContain(`sluice_evaluation_failed{feature="${POISON}"} 1`);
});

test("partitions: all others are attached, telemetry has its place, and the origin says what is in the way and is ready", async () => {
  const attached = async (parent: string): Promise<number> =>
    (await first<number>(
      "select count(*)::integer as value from pg_inherits where inhparent = $1::regclass",
      [parent],
    )) ?? 0;
  await eventually(async () => (await attached("span_log")) === 48);
  await eventually(async () => (await attached("otel_spans")) === 3);
  for (const table of ["span log's next partitions", "next partitions of otel_spans"])
    await eventually(async () =>
      origin
        .output()
        .split("\n")
        .some((line) => line.includes(table) && line.includes("already exists")),
    );
  expect((await fetch(`${origin.url}/readyz`)).status).toBe(200);
});
