// Something between origin and edge that lies: a real origin, real edges, and a proxy that reads, changes and repeats.
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { eventually } from "../support/stack.ts";

type Answer = { status: number; headers: Record<string, string>; body: string };
type Exchange = { readonly headers: IncomingMessage["headers"]; readonly body: string };

const readAll = async (message: IncomingMessage): Promise<string> => {
  let text = "";
  for await (const chunk of message.setEncoding("utf8")) text += String(chunk);
  return text;
};

/** Passes the Host header on, as a good proxy does, and lets `lie` change each answer. */
const startLiar = async (to: string) => {
  const seen: { pushes: Exchange[]; answers: Answer[] } = { pushes: [], answers: [] };
  const state = { lie: (answer: Answer): Answer => answer };
  const pass = async (from: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readAll(from);
    const forwarded = httpRequest(`${to}${from.url ?? ""}`, { method: from.method, headers: from.headers });
    forwarded.end(body);
    const [answered] = (await once(forwarded, "response")) as [IncomingMessage];
    const signature = answered.headers["sluice-signature"];
    const answer = {
      status: answered.statusCode ?? 0,
      headers: signature === undefined ? {} : { "sluice-signature": String(signature) },
      body: await readAll(answered),
    };
    seen.pushes.push({ headers: from.headers, body });
    seen.answers.push(answer);
    const told = state.lie(answer);
    response.writeHead(told.status, told.headers).end(told.body);
  };
  const server = createServer((from, response) => void pass(from, response));
  const { url } = await listenOnLoopback(server);
  return {
    seen,
    state,
    url,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};

type EdgeStatus = { url: string; revision: number | null; lastError: string | null };
let database: TestDatabase;
let edges: [TestEdge, TestEdge];
let liar: Awaited<ReturnType<typeof startLiar>>;
let origin: OriginUnderTest;

const start = () =>
  startOrigin({
    DATABASE_URL: database.url,
    EDGE_URLS: `${liar.url},${edges[1].url}`,
    PUSH_KEYS: "new:push-secret-of-the-tests-0123456789abcdefghijklmnop",
    ROLES: "push,admin",
  });
const statusOf = async (url: string): Promise<EdgeStatus | undefined> =>
  ((await origin.admin("GET", "/edges")) as { edges: EdgeStatus[] }).edges.find((edge) => edge.url === url);
const headRevision = async (): Promise<number> => Number((await origin.admin("GET", "/edges"))["revision"]);
const isOpen = async ({ url }: { url: string }, featureId: string): Promise<boolean> => {
  const explained = await (await fetch(`${url}/.sluice/explain`)).json();
  const { features } = explained as { features: { featureId: string; state: string }[] };
  return features.some((each) => each.featureId === featureId && each.state === "open");
};
const create = (featureId: string) =>
  origin.admin("POST", "/features", { featureId, enabled: true, rolloutBps: 10_000, holdoutBps: 0 });
const rollBack = (featureId: string) =>
  origin.admin("POST", `/features/${featureId}/rollback`, { reason: "test" });

beforeAll(async () => {
  database = await makeTestDatabase();
  const bindings = { UPSTREAM_URL: "http://127.0.0.1:1" };
  edges = [await startTestEdge(bindings), await startTestEdge(bindings)];
  liar = await startLiar(edges[0].url);
});
afterAll(async () => {
  await origin.end("SIGKILL");
  liar.stop();
  for (const edge of edges) await edge.stop();
  await database.drop();
});

test("an answer of 409 with revision 2^53 - 1 raises nothing, and changes go on", async () => {
  liar.state.lie = () => ({ status: 409, headers: {}, body: '{"revision":9007199254740991}' });
  origin = await start();
  for (const name of ["feat_a", "feat_b", "feat_c", "feat_d"]) await create(name);
  await eventually(async () =>
    String((await statusOf(liar.url))?.lastError).includes("revision 9007199254740991"),
  );
  expect(await headRevision()).toBe(4);
  await rollBack("feat_a");
  expect(await headRevision()).toBe(5);
  await eventually(async () => !(await isOpen(edges[1], "feat_a")));
});

test("an edge that answers honestly again is in step again", async () => {
  liar.state.lie = (answer) => answer;
  await eventually(async () => (await statusOf(liar.url))?.revision === 5, 20_000);
  expect(await isOpen(edges[0], "feat_a")).toBe(false);
  expect(await isOpen(edges[0], "feat_b")).toBe(true);
});

test("a confirmation without the edge's signature confirms nothing, and the close arrives all the same", async () => {
  liar.state.lie = ({ status, body }) => ({ status, headers: {}, body });
  const { revision } = await rollBack("feat_b");
  await eventually(async () => !(await isOpen(edges[0], "feat_b")));
  await eventually(async () => String((await statusOf(liar.url))?.lastError).includes("not signed"));
  expect((await statusOf(liar.url))?.revision).toBe(5);
  expect(revision).toBe(6);

  await origin.end("SIGKILL");
  origin = await start();
  await rollBack("feat_c");
  await eventually(async () => String((await statusOf(liar.url))?.lastError).includes("not signed"));
  expect((await statusOf(liar.url))?.revision).toBe(5);
});

test("a signed confirmation of an earlier push confirms no later one", async () => {
  const old = liar.seen.answers.findLast(
    ({ status, body }) => status === 200 && body.includes('"revision":5'),
  );
  if (old === undefined) throw new Error("no answer was seen");
  const stored = { ...old, headers: liar.seen.answers.find(({ body }) => body === old.body)?.headers ?? {} };
  liar.state.lie = () => stored;
  await eventually(async () => String((await statusOf(liar.url))?.lastError).includes("signature"));
  expect((await statusOf(liar.url))?.revision).toBe(5);
  liar.state.lie = (answer) => answer;
  await eventually(async () => (await statusOf(liar.url))?.revision === (await headRevision()), 20_000);
});

test("a push that was seen on its way to one edge is refused by another with the same key", async () => {
  const push = liar.seen.pushes.at(-1);
  const replay = (host: string) =>
    new Promise<number>((resolve, reject) => {
      const sent = httpRequest(`${edges[1].url}/.sluice/push`, {
        method: "POST",
        headers: { "sluice-signature": push?.headers["sluice-signature"], host },
      });
      sent.on("response", (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      sent.on("error", reject);
      sent.end(push?.body);
    });
  expect(await replay(new URL(edges[1].url).host)).toBe(401);
});
