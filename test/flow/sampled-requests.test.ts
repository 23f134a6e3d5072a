// How a request ends, over real sockets: what a sampled request is told to have waited for, and that nobody notices being sampled.
import { once } from "node:events";
import { createServer, request as httpRequest, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { otlpJson } from "../fuzz/bodies.ts";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { listenOnLoopback } from "../support/listen.ts";

const LIMIT_MS = 1_000;
const GZIPPED = gzipSync("a page that says the same again and again. ".repeat(500));

type Outside = { readonly url: string; readonly stop: () => Promise<void> };

const listen = async (
  answer: (path: string, response: ServerResponse, body: Promise<Buffer>) => void,
): Promise<Outside> => {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const body = request.toArray().then((parts) => Buffer.concat(parts));
    body.catch(() => undefined);
    response.on("error", () => undefined);
    answer(request.url ?? "/", response, body);
  });
  server.on("connection", (socket) => sockets.add(socket.on("close", () => sockets.delete(socket))));
  const { url } = await listenOnLoopback(server);
  return {
    url,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const answer = async (path: string, response: ServerResponse, body: Promise<Buffer>): Promise<void> => {
  const html = { "Content-Type": "text/html" };
  switch (path.replace(/\?.*/, "")) {
    case "/late-body":
      response.writeHead(200, html).write("<p>");
      await sleep(400);
      response.end("</p>");
      return;
    case "/kept":
      await sleep(300);
      response.writeHead(200, { ...html, "Cache-Control": "public, max-age=600" }).end("<p></p>");
      return;
    case "/stalls":
      response.writeHead(200, html).write("<p>");
      return;
    case "/silent":
      return;
    case "/breaks":
      response.writeHead(200, { ...html, "Content-Length": 100 }).write("<p>");
      await sleep(50);
      response.destroy();
      return;
    case "/events":
      response.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: 1\n\n");
      return;
    case "/upload":
      await body;
      response.end("taken");
      return;
    case "/large":
      response.writeHead(200, { "Content-Length": 20_000_000 });
      for (let i = 0; i < 200; i++) if (!response.write(Buffer.alloc(100_000))) await once(response, "drain");
      response.end();
      return;
    case "/gzipped":
      response
        .writeHead(200, {
          ...html,
          "Content-Encoding": "gzip",
          "Content-Length": GZIPPED.length,
          ETag: '"1"',
        })
        .end(GZIPPED);
      return;
    default:
      response.writeHead(Number(path.slice(1)) || 200, html).end("<p>page</p>");
  }
};

let site: Outside;
let origin: Outside;
let edge: TestEdge;
const heard: Record<string, unknown>[] = [];

type Decoded = {
  resourceSpans: {
    scopeSpans: {
      spans: {
        name: string;
        traceId: string;
        startTimeUnixNano: string;
        endTimeUnixNano?: string;
        attributes: { key: string; value: Record<string, unknown> }[];
        status?: { code: number };
      }[];
    }[];
  }[];
};

const hear = (body: Buffer): void => {
  const decoded: Decoded = JSON.parse(otlpJson(body).toString());
  for (const span of decoded.resourceSpans[0]?.scopeSpans[0]?.spans ?? [])
    heard.push({
      ...Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
      traceId: span.traceId,
      ms: Number(BigInt(span.endTimeUnixNano ?? 0) - BigInt(span.startTimeUnixNano)) / 1e6,
      failed: span.status?.code === 2,
    });
};

beforeAll(async () => {
  site = await listen((path, response, body) => {
    answer(path, response, body).catch(() => response.destroy());
  });
  origin = await listen((path, response, body) => {
    const take = async (): Promise<void> => {
      if (path === "/v1/traces") hear(await body);
      response.end();
    };
    void take();
  });
  edge = await startTestEdge({
    UPSTREAM_URL: site.url,
    ORIGIN_URL: origin.url,
    UNFINISHED_AFTER_MS: String(LIMIT_MS),
  });
  const features = [
    { featureId: "feat_a", enabled: true, rolloutBps: 10_000, version: 1 },
    {
      featureId: "feat_away",
      enabled: true,
      rolloutBps: 10_000,
      version: 1,
      routes: [{ path: "/away" }],
      gate: { upstream: "http://127.0.0.1:1" },
    },
    {
      featureId: "feat_kept",
      enabled: true,
      rolloutBps: 10_000,
      version: 1,
      routes: [{ path: "/kept" }],
      activation: { path: "/kept", method: "GET", status: 200 },
    },
  ];
  await edge.push({ revision: 1, full: true, features });
});
afterAll(async () => {
  await edge.stop();
  await site.stop();
  await origin.stop();
});

const BROWSER = { "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };

let traces = 0;
/** A trace of its own for each request, by which its spans are found. */
const newTrace = () => {
  const traceId = `${(++traces).toString(16).padStart(8, "0")}${"e".repeat(24)}`;
  return { traceId, traceparent: `00-${traceId}-${"f".repeat(16)}-01` };
};

const spansOf = async (traceId: string, feature = "feat_a") => {
  await vi.waitUntil(
    () => heard.some((span) => span["traceId"] === traceId && span["sluice.request"] !== undefined),
    10_000,
  );
  const spans = heard.filter((span) => span["traceId"] === traceId && span["feature_flag.key"] === feature);
  expect(spans.map((span) => span["sluice.exposure"])).toEqual([undefined, false]);
  return spans[1] ?? {};
};

const visit = async (path: string, headers: Record<string, string> = {}) => {
  const { traceId, traceparent } = newTrace();
  const response = await fetch(edge.url + path, { headers: { ...BROWSER, traceparent, ...headers } });
  return { traceId, response };
};

test("a request ends with its body, and its time is that until then", async () => {
  const { traceId, response } = await visit("/late-body");
  expect(await response.text()).toBe("<p></p>");
  const { ms, ...request } = await spansOf(traceId);
  expect(request).toMatchObject({
    "http.response.status_code": "200",
    "sluice.request": "document",
    failed: false,
  });
  expect(request).not.toHaveProperty(["sluice.unfinished"]);
  expect(ms).toBeGreaterThanOrEqual(395);
});

test("a page that the edge has kept is met and activated as any other, and timed by what its visitor waited for", async () => {
  for (let i = 0; i < 2; i++) await (await visit("/kept")).response.text();
  const { traceId, response } = await visit("/kept");
  expect(response.headers.get("cache-status")).toBe("sluice; hit");
  const { ms, ...request } = await spansOf(traceId);
  expect(request).toMatchObject({ "http.response.status_code": "200", failed: false });
  expect(ms).toBeLessThan(150);
  const known = await visit("/kept", { "If-None-Match": response.headers.get("etag") ?? "" });
  expect(known.response.status).toBe(304);
  await vi.waitUntil(
    () => heard.some((span) => span["traceId"] === known.traceId && span["action_taken"] === true),
    10_000,
  );
});

test("what a script fetches is told as a fetch", async () => {
  const first = await visit("/");
  const cookie = first.response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const { traceId, response } = await visit("/", { Cookie: cookie, "Sec-Fetch-Dest": "empty" });
  await response.text();
  expect(await spansOf(traceId)).toMatchObject({ "sluice.request": "fetch" });
});

test.each([
  ["whose body stalls", "/stalls", "200"],
  ["that never comes", "/silent", undefined],
])(
  "a response %s is unfinished when the limit is over, while its visitor still waits",
  async (_, path, status) => {
    const { traceId, traceparent } = newTrace();
    const waiting = httpRequest(edge.url + path, { headers: { ...BROWSER, traceparent } }, (response) =>
      response.resume(),
    );
    waiting.on("error", () => undefined).end();
    const { ms, ...request } = await spansOf(traceId);
    expect(request).toMatchObject({ "sluice.unfinished": true, failed: false });
    expect(request["http.response.status_code"]).toBe(status);
    expect(ms).toBeGreaterThanOrEqual(LIMIT_MS - 5);
    expect(ms).toBeLessThan(LIMIT_MS + 1_000);
    waiting.destroy();
  },
);

test.each(["/stalls", "/silent"])(
  "a visitor who leaves %s is unfinished after the time that they waited",
  async (path) => {
    const { traceId, traceparent } = newTrace();
    const socket = connect(Number(new URL(edge.url).port), "127.0.0.1").on("error", () => undefined);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: Firefox/140.0\r\ntraceparent: ${traceparent}\r\n\r\n`,
    );
    await sleep(300);
    socket.resetAndDestroy();
    const { ms, ...request } = await spansOf(traceId);
    expect(request).toMatchObject({ "sluice.unfinished": true });
    expect(ms).toBeGreaterThanOrEqual(250);
    expect(ms).toBeLessThan(LIMIT_MS - 100);
  },
);

test("a response that the site breaks off has failed", async () => {
  const { traceId, response } = await visit("/breaks");
  await expect(response.text()).rejects.toThrow();
  expect(await spansOf(traceId)).toMatchObject({ "http.response.status_code": "200", failed: true });
});

test("a site that cannot be reached is told by the edge's own 502", async () => {
  const { traceId, response } = await visit("/away");
  expect(response.status).toBe(502);
  expect(await spansOf(traceId, "feat_away")).toMatchObject({
    "http.response.status_code": "502",
    failed: true,
  });
});

test("the time of the visitor's own upload is not the feature's", async () => {
  const { traceId, traceparent } = newTrace();
  const sending = httpRequest(`${edge.url}/upload`, { method: "POST", headers: { ...BROWSER, traceparent } });
  const answered = once(sending, "response");
  sending.write("x".repeat(10_000));
  await sleep(600);
  sending.end("x".repeat(10_000));
  const [response] = await answered;
  response.resume();
  const { ms } = await spansOf(traceId);
  expect(ms).toBeLessThan(300);
});

test("an upload that its visitor breaks off says nothing of the feature", async () => {
  const { traceId, traceparent } = newTrace();
  const socket = connect(Number(new URL(edge.url).port), "127.0.0.1").on("error", () => undefined);
  socket.write(
    `POST /upload HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100\r\nUser-Agent: Firefox/140.0\r\ntraceparent: ${traceparent}\r\n\r\nx`,
  );
  await sleep(200);
  socket.resetAndDestroy();
  await sleep(LIMIT_MS + 700);
  const told = heard.filter((span) => span["traceId"] === traceId);
  expect(told.map((span) => span["sluice.request"])).toEqual([undefined]);
});

test("the time that a slow reader takes is not the feature's", async () => {
  const { traceId, traceparent } = newTrace();
  const sent = httpRequest(`${edge.url}/large`, { headers: { ...BROWSER, traceparent } }).end();
  const [response] = await once(sent, "response");
  response.pause();
  await sleep(LIMIT_MS + 500);
  response.resume();
  await once(response, "end");
  const { ms, ...request } = await spansOf(traceId);
  expect(request).not.toHaveProperty(["sluice.unfinished"]);
  expect(ms).toBeLessThan(LIMIT_MS);
});

test("a stream of events is complete when it begins", async () => {
  const { traceId, response } = await visit("/events");
  const { ms, ...request } = await spansOf(traceId);
  expect(request).not.toHaveProperty(["sluice.unfinished"]);
  expect(ms).toBeLessThan(300);
  await response.body?.cancel();
});

test("a sampled request gets the same bytes and headers as everybody, compressed as the site compressed them", async () => {
  const { traceId, traceparent } = newTrace();
  const sent = httpRequest(`${edge.url}/gzipped`, {
    headers: { ...BROWSER, traceparent, "Accept-Encoding": "gzip" },
  }).end();
  const [response] = await once(sent, "response");
  expect(Buffer.concat(await response.toArray()).equals(GZIPPED)).toBe(true);
  expect(response.headers).toMatchObject({
    "content-encoding": "gzip",
    "content-length": String(GZIPPED.length),
    etag: '"1"',
  });
  expect(await spansOf(traceId)).toMatchObject({ "http.response.status_code": "200" });
});
