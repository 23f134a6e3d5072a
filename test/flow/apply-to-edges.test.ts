// Plans of a thousand features: a real origin, a real PostgreSQL, real edges. All of a plan arrives at one revision, and an origin
// that dies in the middle has applied all of it or nothing.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { SERVER_KEY, startTestEdge, type TestEdge } from "../support/edge.ts";
import { ADMIN_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { eventually } from "../support/stack.ts";

const PUSH_KEYS = "new:push-secret-of-the-tests-0123456789abcdefghijklmnop";
const MANY = 1_000;

let database: TestDatabase;
let edges: readonly TestEdge[];
let origin: OriginUnderTest;
const start = () =>
  startOrigin({
    DATABASE_URL: database.url,
    EDGE_URLS: edges.map(({ url }) => url).join(","),
    PUSH_KEYS,
    ROLES: "push,admin",
  });

beforeAll(async () => {
  database = await makeTestDatabase();
  edges = await Promise.all([
    startTestEdge({ UPSTREAM_URL: "http://127.0.0.1:1" }),
    startTestEdge({ UPSTREAM_URL: "http://127.0.0.1:1" }),
  ]);
  origin = await start();
});
afterAll(async () => {
  await origin.end("SIGKILL");
  await Promise.all(edges.map((edge) => edge.stop()));
  await database.drop();
});

const filesAt = (rolloutBps: number) => ({
  source: "shop",
  features: Array.from({ length: MANY }, (_, i) => ({
    featureId: `feat_${i}`,
    file: `${i % 10}.yaml`,
    enabled: true,
    rolloutBps,
    holdoutBps: 0,
    routes: [{ path: `/page-${i}/*` }],
    rule: {
      activationThreshold: 0.1,
      retentionThreshold: 0,
      latencyP95Threshold: 300,
      minCohortSize: 100 + rolloutBps,
      evaluationWindowSeconds: 86_400,
    },
  })),
});
type Files = ReturnType<typeof filesAt>;
type Planned = { hash: string; base: object[]; counts: Record<string, number> };
const plan = async (files: Files) => (await origin.admin("POST", "/plan", files)) as unknown as Planned;
const bodyOf = (files: Files, { hash, base }: Planned) => ({ ...files, hash, base, reason: "test" });

const revisionOf = async ({ url }: { url: string }): Promise<number> =>
  ((await (await fetch(`${url}/.sluice/health`)).json()) as { revision: number }).revision;
const statesAt = async ({ url }: { url: string }) => {
  const explained = await fetch(`${url}/.sluice/explain`, { headers: { "X-API-Key": SERVER_KEY } });
  const { features } = (await explained.json()) as { features: { state: string; cohort: string }[] };
  return features.map(({ state, cohort }) => `${state} ${cohort}`);
};

test("an apply of a thousand changed features is one revision at every edge, all of them or none", async () => {
  const first = filesAt(10_000);
  await origin.admin("POST", "/apply", bodyOf(first, await plan(first)));
  const next = filesAt(0);
  const began = performance.now();
  const planned = await plan(next);
  const plannedAt = performance.now();
  expect(planned.counts).toMatchObject({ update: MANY, unchanged: 0 });
  const applying = origin.admin("POST", "/apply", bodyOf(next, planned));
  const seen = new Set<string>();
  const watchFirst = async (): Promise<void> => {
    for (let states: string[] = []; !states.includes("open off");) {
      states = await statesAt(edges[0]!);
      seen.add([...new Set(states)].join());
    }
  };
  const [applied] = await Promise.all([applying, watchFirst()]);
  const { revision } = applied as { revision: number };
  const appliedAt = performance.now();
  await eventually(async () => {
    const revisions = await Promise.all(edges.map(revisionOf));
    return revisions.every((one) => one === revision);
  }, 20_000);
  process.stderr.write(
    `planned in ${Math.round(plannedAt - began)} ms, applied and at both edges in ${Math.round(performance.now() - plannedAt)} ms, of which after the answer ${Math.round(performance.now() - appliedAt)} ms\n`,
  );
  // Each look showed every feature in the same state: never some of before beside some of after.
  expect([...seen].filter((states) => states.includes(","))).toEqual([]);
});

test("an origin that dies during an apply has applied all or nothing, and the same plan sent again ends it", async () => {
  const planned = await plan(filesAt(5_000));
  const body = bodyOf(filesAt(5_000), planned);
  const lost = origin.admin("POST", "/apply", body).catch(() => null);
  await new Promise((wake) => setTimeout(wake, 300));
  await origin.end("SIGKILL");
  await lost;
  origin = await start();
  const { rows } = await database.pool.query<{ changed: number }>(
    "select count(*)::integer as changed from feature_flags where rollout_bps = $1",
    [5_000],
  );
  expect([0, MANY]).toContain(rows[0]?.changed);
  const response = await fetch(`${origin.url}/admin/v1/apply`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "idempotency-key": randomUUID() },
    body: JSON.stringify(body),
  });
  expect(await response.json()).toMatchObject({ revision: expect.any(Number) });
  expect(await plan(filesAt(5_000))).toMatchObject({ changed: false });
  const { rows: audit } = await database.pool.query<{ many: number }>(
    "select count(*)::integer as many from rollback_audit where details #>> '{config,plan}' = $1",
    [planned.hash],
  );
  expect(audit[0]?.many).toBe(MANY);
});
