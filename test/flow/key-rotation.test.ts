// Every key is replaced while visitors come, as docs/keys.md says: at the edges before the origins, the old one removed last.
// Three edges stand for three deployments of the Worker, three origins for three roll-outs.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { buildEdge } from "../../scripts/local-stack/build-edge.ts";
import { startEdge, type EdgeServer } from "../../scripts/local-stack/edge-server.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { ADMIN_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { eventually } from "../support/stack.ts";

const FEATURE = "feat_checkout";
const VISITORS = 24;
const BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const VARIABLES = [
  "PUSH_KEYS",
  "COOKIE_KEYS",
  "PREVIEW_KEYS",
  "SERVER_KEYS",
  "SESSION_KEYS",
  "PSEUDONYM_KEYS",
] as const;
type Variable = (typeof VARIABLES)[number];

const key = (kid: string, variable: Variable): string =>
  `${kid}:${kid}-secret-of-${variable.replace("_", "-").toLowerCase()}-0123456789abcdefghijklmnop`;
const rings = (...kids: string[]): Record<Variable, string> => {
  const of = (variable: Variable): string => kids.map((kid) => key(kid, variable)).join(",");
  return Object.fromEntries(VARIABLES.map((variable) => [variable, of(variable)])) as Record<
    Variable,
    string
  >;
};

/** What the site is told of a visitor. */
const startSite = async () => {
  const server = createServer((request, response) => {
    const { "sluice-features": features = "", "sluice-unit": unit = "" } = request.headers;
    response.setHeader("cache-control", "no-store");
    response.end(JSON.stringify({ features, unit }));
  });
  const { url } = await listenOnLoopback(server);
  return { url, server };
};

let folder: string;
let database: TestDatabase;
let site: Awaited<ReturnType<typeof startSite>>;
let edges: EdgeServer[] = [];
let originPort: number;
const origins: OriginUnderTest[] = [];

const serveEdge = async (name: string, port: number, kids: string[], ingestToken: string) => {
  const { PUSH_KEYS, COOKIE_KEYS, PREVIEW_KEYS, SERVER_KEYS } = rings(...kids);
  return startEdge({
    bundleDir: await buildEdge(),
    stateDir: join(folder, name),
    port,
    bindings: {
      UPSTREAM_URL: site.url,
      ORIGIN_URL: `http://127.0.0.1:${originPort}`,
      PUSH_KEYS,
      COOKIE_KEYS,
      PREVIEW_KEYS,
      SERVER_KEYS,
      INGEST_TOKEN: ingestToken,
    },
  });
};
const serveOrigin = async (edgeUrls: readonly string[], kids: string[], port?: number) => {
  const { PUSH_KEYS, PREVIEW_KEYS, SESSION_KEYS } = rings(...kids);
  // Epochs that run keep their key, so the old one stays in this ring for as long as they do.
  const { PSEUDONYM_KEYS } = rings(...new Set([...kids, "k1"]));
  const origin = await startOrigin({
    DATABASE_URL: database.url,
    EDGE_URLS: edgeUrls.join(","),
    PUSH_KEYS,
    PREVIEW_KEYS,
    SESSION_KEYS,
    PSEUDONYM_KEYS,
    ...(port === undefined ? {} : { ORIGIN_PORT: String(port) }),
  });
  origins.push(origin);
  return origin;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-rotation-"));
  [database, site, originPort] = await Promise.all([makeTestDatabase(), startSite(), freePort()]);
}, 60_000);
afterAll(async () => {
  for (const origin of origins) await origin.end("SIGKILL");
  for (const edge of edges) await edge.stop();
  site.server.close();
  site.server.closeAllConnections();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Visitors with a cookie jar each, who ask one edge without a pause. */
const makeTraffic = () => {
  const jars = Array.from({ length: VISITORS }, () => "");
  const seen = Array.from({ length: VISITORS }, () => new Set<string>());
  const state = { url: "", failures: [] as string[], requests: 0, isOver: false };
  const visit = async (at: number): Promise<void> => {
    const answer = await fetch(`${state.url}/page`, {
      headers: {
        "user-agent": BROWSER,
        accept: "text/html",
        "sec-fetch-dest": "document",
        ...(jars[at] === "" ? {} : { cookie: jars[at] ?? "" }),
      },
    });
    const text = await answer.text();
    state.requests++;
    if (answer.status !== 200) state.failures.push(`${answer.status} ${text}`);
    for (const line of answer.headers.getSetCookie())
      if (line.startsWith("sluice=")) jars[at] = line.split(";")[0] ?? "";
    seen[at]?.add(text);
  };
  const run = async (at: number): Promise<void> => {
    while (!state.isOver) {
      await visit(at).catch((error: unknown) => state.failures.push(String(error)));
      await sleep(40);
    }
  };
  return {
    state,
    seen,
    jars,
    start: () => Promise.all(jars.map((_, at) => run(at))),
    /** Everybody has asked since. */
    round: async () => {
      const until = state.requests + 3 * VISITORS;
      await eventually(async () => state.requests >= until, 20_000);
    },
  };
};

const isOpenAt = async (url: string, featureId: string): Promise<boolean> => {
  const explained = await (await fetch(`${url}/.sluice/explain`)).json();
  const { features } = explained as { features: { featureId: string; state: string }[] };
  return features.some((each) => each.featureId === featureId && each.state === "open");
};
const makePreview = async (origin: OriginUnderTest): Promise<string> => {
  const link = await origin.admin("POST", `/features/${FEATURE}/preview`, {});
  const { pathname, search } = new URL(String(link["url"]), "http://site");
  return pathname + search;
};
/** Whether a link is good: it leads on with a cookie. */
const takesPreview = async (url: string, path: string): Promise<boolean> => {
  const answer = await fetch(`${url}${path}`, {
    redirect: "manual",
    headers: { "user-agent": BROWSER },
  });
  return answer.headers.getSetCookie().some((line) => line.includes("preview"));
};

test("push, cookie, preview, server, session, pseudonym and ingest keys change under traffic: no request fails, nobody changes cohort, each change arrives", async () => {
  const [a, b, c] = await Promise.all([freePort(), freePort(), freePort()]);
  const urls = [a, b, c].map((port) => `http://127.0.0.1:${port}`);
  const [urlA = "", urlB = "", urlC = ""] = urls;
  const first = await serveOrigin(urls, ["k1"], originPort);
  const tokenOf = async (origin: OriginUnderTest, name: string) => {
    const { secret, tokenId } = await origin.admin("POST", "/tokens", { name, scope: "ingest" });
    return { secret: String(secret), tokenId: String(tokenId) };
  };
  const oldToken = await tokenOf(first, "edge-1");
  const newToken = await tokenOf(first, "edge-2");
  edges.push(
    ...(await Promise.all([
      serveEdge("a", a, ["k1"], oldToken.secret),
      serveEdge("b", b, ["k2", "k1"], newToken.secret),
    ])),
  );
  await first.admin("POST", "/features", {
    featureId: FEATURE,
    enabled: true,
    rolloutBps: 5_000,
    holdoutBps: 5_000,
  });
  for (const url of [urlA, urlB]) await eventually(() => isOpenAt(url, FEATURE), 20_000);

  const traffic = makeTraffic();
  traffic.state.url = urlA;
  const visitors = traffic.start();
  await traffic.round();
  const oldPreview = await makePreview(first);
  expect(await takesPreview(urlA, oldPreview)).toBe(true);

  // The new key first, at the edges before the origins. The origin still signs with the old one.
  traffic.state.url = urlB;
  await traffic.round();
  expect(traffic.jars.every((jar) => jar.startsWith("sluice=v1.k2."))).toBe(true);
  expect(await takesPreview(urlB, oldPreview)).toBe(true);
  await first.admin("POST", "/features", { featureId: "feat_by_old_key", enabled: true, rolloutBps: 10_000 });
  await eventually(() => isOpenAt(urlB, "feat_by_old_key"), 20_000);

  // Then at the origins, which run side by side for a while. Of one port only one can answer the edges.
  const session = await fetch(`${first.url}/auth/token`, {
    method: "POST",
    redirect: "manual",
    headers: {
      origin: `http://127.0.0.1:${originPort}`,
      "content-type": "application/x-www-form-urlencoded",
    },
    body: new URLSearchParams({ token: ADMIN_TOKEN }),
  });
  const cookie = (session.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
  const isSignedIn = async ({ url }: OriginUnderTest): Promise<boolean> =>
    (await fetch(`${url}/admin/v1/me`, { headers: { cookie } })).ok;
  expect(await isSignedIn(first)).toBe(true);
  const second = await serveOrigin(urls, ["k2", "k1"]);
  expect(await isSignedIn(second)).toBe(true);
  edges.push(await serveEdge("c", c, ["k2"], newToken.secret));
  expect(await first.end("SIGTERM")).toBe(0);
  const third = await serveOrigin(urls, ["k2"], originPort);
  expect(await isSignedIn(third)).toBe(false);
  await second.admin("POST", "/features", {
    featureId: "feat_by_new_key",
    enabled: true,
    rolloutBps: 10_000,
  });
  await eventually(() => isOpenAt(urlB, "feat_by_new_key"), 20_000);
  await eventually(() => isOpenAt(urlC, "feat_by_new_key"), 20_000);

  // And the old key is gone.
  traffic.state.url = urlC;
  await third.admin("DELETE", `/tokens/${oldToken.tokenId}`);
  expect(await second.end("SIGTERM")).toBe(0);
  await traffic.round();
  expect(await takesPreview(urlC, oldPreview)).toBe(false);
  expect(await takesPreview(urlC, await makePreview(third))).toBe(true);
  await third.admin("POST", `/features/${FEATURE}/rollback`, { reason: "the end of the test" });
  await eventually(async () => !(await isOpenAt(urlC, FEATURE)), 20_000);
  traffic.state.isOver = true;
  await visitors;

  expect(traffic.state.failures).toEqual([]);
  const told = traffic.seen.map((texts) =>
    [...texts].map((text) => JSON.parse(text) as { features: string; unit: string }),
  );
  // One unit each, and one cohort each while the feature was open.
  for (const answers of told) {
    expect(new Set(answers.map(({ unit }) => unit)).size).toBe(1);
    const cohorts = answers.flatMap(({ features }) => /feat_checkout=(\w+)/.exec(features)?.slice(1) ?? []);
    expect(new Set(cohorts).size).toBe(1);
  }
  // Each is counted, and once: what came while the origin was away was sent again.
  const counted = async (): Promise<number> => {
    const { rows } = await database.pool.query<{ units: number }>(
      "select count(*)::int as units from feature_exposures where feature_id = $1",
      [FEATURE],
    );
    return rows[0]?.units ?? 0;
  };
  await eventually(async () => (await counted()) >= VISITORS, 20_000);
  expect(await counted()).toBe(VISITORS);
}, 120_000);
