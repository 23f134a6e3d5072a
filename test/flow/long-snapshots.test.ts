// States of many megabytes: a real origin, a real PostgreSQL, real edges. A close arrives whatever waits beside it.
import { randomUUID } from "node:crypto";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFeatureChanges } from "../../origin/features/change-feature.ts";
import { newFeature } from "../../origin/features/new-feature.ts";
import type { Condition } from "../../shared/features/targeting.ts";
import { FeatureId } from "../../shared/ids.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { SERVER_KEY, startTestEdge, type TestEdge } from "../support/edge.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { ADMIN_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { eventually } from "../support/stack.ts";

const PUSH_KEYS = "new:push-secret-of-the-tests-0123456789abcdefghijklmnop";
const LARGE_BYTES = 900_000;

/** Something before an edge that lets only short requests pass, as a firewall with a limit would. */
const startStrictGateway = async (to: string, maxBytes: number) => {
  const answer = async (
    { method, url, headers }: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ) => {
    if (body.length > maxBytes)
      return response.writeHead(413).end(`bodies of more than ${maxBytes} bytes are blocked`);
    const forwarded = httpRequest(`${to}${url ?? ""}`, { method, headers });
    forwarded.end(body);
    const [answered] = (await once(forwarded, "response")) as [IncomingMessage];
    response.writeHead(answered.statusCode ?? 0, answered.headers);
    return answered.pipe(response);
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => void answer(request, Buffer.concat(chunks), response));
  });
  const { url } = await listenOnLoopback(server);
  return {
    url,
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
};

/** True for everyone: the condition ends with one that is. */
const largeTargeting = (bytes: number): Condition => {
  const value = (i: number) => `${i}`.padStart(460, "v");
  const listOf = (values: number, from: number): Condition => ({
    attribute: "country",
    operator: "in",
    values: Array.from({ length: values }, (_, i) => value(from + i)),
  });
  const all = Math.floor(bytes / 463);
  const lists = Array.from({ length: Math.ceil(all / 400) }, (_, i) =>
    listOf(Math.min(400, all - i * 400), i * 400),
  );
  return {
    operator: "or",
    conditions: [
      ...lists,
      { operator: "not", condition: { attribute: "country", operator: "equals", value: "nowhere" } },
    ],
  };
};

const isOpen = async (edge: { url: string }, featureId: string): Promise<boolean | undefined> => {
  const headers = { "X-API-Key": SERVER_KEY };
  const explained = await (await fetch(`${edge.url}/.sluice/explain`, { headers })).json();
  const features = (explained as { features: { featureId: string; state: string }[] }).features;
  const found = features.find((each) => each.featureId === featureId);
  return found && found.state === "open";
};

const revisionOf = async ({ url }: { url: string }): Promise<number> =>
  ((await (await fetch(`${url}/.sluice/health`)).json()) as { revision: number }).revision;

let database: TestDatabase;
let edge: TestEdge;
let origin: OriginUnderTest;
const start = (...edgeUrls: string[]) =>
  startOrigin({ DATABASE_URL: database.url, EDGE_URLS: edgeUrls.join(","), PUSH_KEYS, ROLES: "push,admin" });
const rollBack = (featureId: string) =>
  origin.admin("POST", `/features/${featureId}/rollback`, { reason: "test" });

beforeAll(async () => {
  database = await makeTestDatabase();
  edge = await startTestEdge({ UPSTREAM_URL: "http://127.0.0.1:1" });
  origin = await start(edge.url);
});
afterAll(async () => {
  await origin.end("SIGKILL");
  await edge.stop();
  await database.drop();
});

test("six features of 0.9 MB are closed at the edge after the origin is started again", async () => {
  for (let i = 1; i <= 6; i += 1)
    await origin.admin("POST", "/features", {
      featureId: `feat_large_${i}`,
      enabled: true,
      rolloutBps: 9_000,
      targeting: largeTargeting(LARGE_BYTES),
    });
  await eventually(async () => (await isOpen(edge, "feat_large_6")) === true, 20_000);
  await origin.end("SIGKILL");
  origin = await start(edge.url);
  const began = performance.now();
  await rollBack("feat_large_1");
  await eventually(async () => (await isOpen(edge, "feat_large_1")) === false, 10_000);
  process.stderr.write(`closed after ${Math.round(performance.now() - began)} ms\n`);
});

test("an edge that begins with nothing gets more than it takes in one message, complete and at once", async () => {
  const fresh = await startTestEdge({ UPSTREAM_URL: "http://127.0.0.1:1" });
  await origin.end("SIGKILL");
  origin = await start(edge.url, fresh.url);
  try {
    const began = performance.now();
    const { revision } = await rollBack("feat_large_2");
    await eventually(async () => (await revisionOf(fresh)) === revision, 20_000);
    process.stderr.write(`complete after ${Math.round(performance.now() - began)} ms\n`);
    expect(await isOpen(fresh, "feat_large_2")).toBe(false);
    expect(await isOpen(fresh, "feat_large_3")).toBe(true);
  } finally {
    await fresh.stop();
  }
});

test("a close passes where the rest of the state is refused, and the refusal is named with its reason", async () => {
  const gateway = await startStrictGateway(edge.url, 20_000);
  await origin.end("SIGKILL");
  origin = await start(gateway.url);
  try {
    const answer = await fetch(`${origin.url}/admin/v1/features/feat_large_4`, {
      method: "PUT",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "if-match": "*" },
      body: JSON.stringify({ targeting: largeTargeting(LARGE_BYTES - 20_000), reason: "test" }),
    });
    expect(answer.status).toBe(200);
    await rollBack("feat_large_3");
    await eventually(async () => (await isOpen(edge, "feat_large_3")) === false, 10_000);
    await eventually(async () => {
      const { edges } = (await origin.admin("GET", "/edges")) as { edges: { lastError: string | null }[] };
      return edges[0]?.lastError === "HTTP 413: bodies of more than 20000 bytes are blocked";
    });
    expect(origin.output()).toContain("the edge refuses pushes with this reason");
    // The feature is closed there, so the rollback has arrived although the rest of its revision has not.
    await eventually(async () => {
      const { receipt } = (await origin.admin("GET", "/features/feat_large_3/receipt")) as {
        receipt: { complete: boolean };
      };
      return receipt.complete;
    });
  } finally {
    await gateway.stop();
  }
});

test("a thousand features of 4.6 kB arrive beside them, and the bound on all of them is told with its figures", async () => {
  await origin.end("SIGKILL");
  origin = await start(edge.url);
  const changes = makeFeatureChanges({ pool: database.pool, newId: randomUUID });
  const by = { actor: "ann", reason: "test" };
  const targeting = largeTargeting(4_600);
  await Promise.all(
    Array.from({ length: 1_000 }, (_, i) =>
      changes.createFeature(
        newFeature({ featureId: FeatureId.parse(`feat_rich_${i}`), enabled: true, targeting }),
        by,
      ),
    ),
  );
  const { revision } = await rollBack("feat_rich_1");
  await eventually(async () => (await revisionOf(edge)) === revision, 20_000);
  expect(await isOpen(edge, "feat_rich_1")).toBe(false);

  const refused = async (): Promise<string> => {
    for (let i = 7; i < 20; i += 1)
      try {
        await origin.admin("POST", "/features", {
          featureId: `feat_large_${i}`,
          targeting: largeTargeting(LARGE_BYTES),
        });
      } catch (error) {
        return String(error);
      }
    return "never refused";
  };
  expect(await refused()).toMatch(
    /413 .*all features together would have \d+ bytes, and the edges take 12582912/,
  );
  await rollBack("feat_rich_2");
  await eventually(async () => (await isOpen(edge, "feat_rich_2")) === false, 10_000);
});
