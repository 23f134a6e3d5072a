// Sluice before a real site, over real sockets: whatever the site says arrives as it was said, gated or not.
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { eventually } from "../support/stack.ts";
import { startTestSite, type TestSite } from "../support/site.ts";

let site: TestSite;
let edge: TestEdge;

beforeAll(async () => {
  site = await startTestSite();
  edge = await startTestEdge({ UPSTREAM_URL: site.url });
  const everywhere = { featureId: "feat_a", enabled: true, rolloutBps: 10_000, version: 1 };
  await edge.push({ revision: 1, full: true, features: [everywhere] });
});
afterAll(async () => {
  await edge.stop();
  await site.stop();
});

const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(edge.url + path, { redirect: "manual", ...init });

const lastHeader = (name: string): string | null =>
  site.requests.at(-1)?.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1] ?? null;

test.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])(
  "%s passes, with its body, as exactly one upstream request",
  async (method) => {
    const before = site.requests.length;
    const body = method === "GET" ? null : "x".repeat(1_000);
    const response = await get("/any/path?q=%20a&b", { method, body });
    const bytes = body === null ? 0 : 1_000;
    expect(await response.json()).toEqual({ method, url: "/any/path?q=%20a&b", bytes });
    expect(site.requests.length - before).toBe(1);
  },
);

/** One request as it is written, and the answer as it arrives. */
const raw = async (request: string): Promise<string> => {
  const { port } = new URL(edge.url);
  const socket = connect(Number(port), "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
  socket.write(request);
  await once(socket, "close");
  return answer;
};

test("a visitor whose cookie is on one of two Cookie lines stays who they are", async () => {
  const cookie = (await get("/")).headers.getSetCookie().find((line) => line.startsWith("sluice=")) ?? "";
  const [good = ""] = cookie.split(";");
  const forged = good.replace(/.{43}$/, "A".repeat(43));
  for (const lines of [
    [forged, good],
    [good, forged],
    [good, "theme=dark; size=2"],
    ["theme=dark; size=2", good],
  ]) {
    const sent = lines.map((line) => `Cookie: ${line}\r\n`).join("");
    const answer = await raw(`GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${sent}\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer).not.toMatch(/set-cookie/i);
  }
});

test("a body keeps its length, also one that comes with a GET", async () => {
  await get("/any", { method: "POST", body: "x".repeat(1_000) });
  expect(lastHeader("Content-Length")).toBe("1000");
  const answer = await raw(
    "GET /any HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
  );
  expect(answer).toContain('"bytes":3');
});

test("HEAD, Range, 304 and redirects are untouched", async () => {
  const head = await get("/document", { method: "HEAD" });
  expect([head.status, head.headers.get("Content-Length"), await head.text()]).toEqual([200, "100", ""]);
  const part = await get("/document", { headers: { Range: "bytes=5-9" } });
  const contentRange = part.headers.get("Content-Range");
  expect([part.status, contentRange, await part.text()]).toEqual([206, "bytes 5-9/100", "56789"]);
  const same = await get("/document", { headers: { "If-None-Match": '"v1"' } });
  expect([same.status, same.headers.get("ETag")]).toEqual([304, '"v1"']);
  const moved = await get("/moved");
  expect([moved.status, moved.headers.get("Location")]).toEqual([302, "/elsewhere"]);
});

test("every Set-Cookie of the site is kept beside Sluice's own", async () => {
  const cookies = (await get("/cookies")).headers.getSetCookie();
  expect(cookies.slice(0, 2)).toEqual(["a=1; Path=/", "b=2; Path=/"]);
  expect(cookies[2]).toMatch(/^sluice=v1\./);
});

test("a 503 keeps its status, body and Retry-After", async () => {
  const busy = await get("/busy");
  expect([busy.status, busy.headers.get("Retry-After"), await busy.text()]).toEqual([503, "7", "busy"]);
});

test("the first event of an endless stream arrives while the stream goes on", async () => {
  const response = await get("/events");
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toBe("data: first\n\n");
  await reader.cancel();
});

const upload = async (chunks: number, chunk: Buffer, onTenth: () => Promise<void>): Promise<string> => {
  const request = httpRequest(`${edge.url}/upload`, { method: "POST" });
  const answered = new Promise<string>((resolve) => {
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve(text));
    });
  });
  for (let i = 0; i < chunks; i++) {
    if (!request.write(chunk)) await once(request, "drain");
    if (i % (chunks / 10) === 0) await onTenth();
  }
  request.end();
  return answered;
};

test("100 MB up and 100 MB down pass without being gathered in memory", async () => {
  await get("/");
  const before = edge.residentBytes();
  let most = 0;
  const sample = async (): Promise<void> => {
    most = Math.max(most, edge.residentBytes());
  };
  expect(JSON.parse(await upload(1_000, Buffer.alloc(100_000), sample))).toMatchObject({
    bytes: 100_000_000,
  });

  const download = await get("/download");
  let bytes = 0;
  for await (const chunk of download.body!) {
    const more = bytes + chunk.length;
    if (Math.floor(more / 10_000_000) > Math.floor(bytes / 10_000_000)) await sample();
    bytes = more;
  }
  expect(bytes).toBe(100_000_000);
  expect(most - before).toBeLessThan(60_000_000);
});

test("a WebSocket upgrade passes, both ways", async () => {
  const socket = new WebSocket(`${edge.url.replace("http", "ws")}/socket`);
  await once(socket, "open");
  const heard = new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
  });
  socket.send("hello");
  expect(await heard).toBe("hello");
  expect(lastHeader("Sluice-Features")).toBe("feat_a=treatment");
  socket.close();
});

test("the upstream learns the visitor's host and scheme; a visitor cannot claim others", async () => {
  await get("/", { headers: { "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "gopher" } });
  expect(lastHeader("X-Forwarded-Host")).toBe(new URL(edge.url).host);
  expect(lastHeader("X-Forwarded-Proto")).toBe("http");
  expect(lastHeader("X-Forwarded-For")).toBe(null);
  await get("/", { headers: { "CF-Connecting-IP": "192.0.2.7" } });
  expect(lastHeader("X-Forwarded-For")).toBe("192.0.2.7");
  await get("/", { headers: { "X-Forwarded-For": "198.51.100.1, 192.0.2.7" } });
  expect(lastHeader("X-Forwarded-For")).toBe("198.51.100.1, 192.0.2.7");
});

test("hop-by-hop headers stay on their hop", async () => {
  await raw(
    "GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n" +
      "TE: trailers\r\nProxy-Connection: keep-alive\r\nTrailer: X-T\r\n\r\n",
  );
  for (const name of ["X-Mine", "Keep-Alive", "TE", "Proxy-Connection", "Trailer"])
    expect([name, lastHeader(name)]).toEqual([name, null]);
});

test("a visitor's Connection header strips nothing that all recipients need", async () => {
  const kept = {
    "X-Forwarded-For": "192.0.2.7",
    Authorization: "Basic x",
    Cookie: "session=1",
    "Content-Type": "text/plain",
    "Sec-Fetch-Site": "none",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  };
  const lines = Object.entries(kept).map(([name, value]) => `${name}: ${value}\r\n`);
  const nominated = [...Object.keys(kept), "Sluice-Features", "Sluice-Unit", "X-Forwarded-Host"].join(", ");
  await raw(`GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close, ${nominated}\r\n${lines.join("")}\r\n`);
  for (const [name, value] of Object.entries(kept)) expect([name, lastHeader(name)]).toEqual([name, value]);
  expect(lastHeader("Sluice-Features")).toBe("feat_a=treatment");
  expect(lastHeader("X-Forwarded-Host")).toBe("shop.test");
  await raw(
    "GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close, CF-Connecting-IP\r\nCF-Connecting-IP: 192.0.2.8\r\n\r\n",
  );
  expect(lastHeader("X-Forwarded-For")).toBe("192.0.2.8");
});

test("nobody can say what only the edge may say, under any name that a server takes for it", async () => {
  const posing = [
    "Sluice-Features",
    "Sluice-Unit",
    "sluice_features",
    "Sluice_Unit",
    "Forwarded",
    "X-Real-IP",
    "X-Forwarded-Port",
    "X-Original-URL",
    "X-Rewrite-URL",
  ];
  const lines = posing.map((name) => `${name}: posed\r\n`);
  await raw(`GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${lines.join("")}\r\n`);
  expect(site.requests.at(-1)?.headers.filter(([, value]) => value.includes("posed"))).toEqual([]);
});

test("what the site's Connection header nominates stays on its hop", async () => {
  const answer = await raw("GET /nominating HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
  expect(answer).toContain("X-End: kept");
  expect(answer).not.toContain("X-Hop");
});

const LogLine = z.strictObject({
  level: z.union([z.literal(40), z.literal(50)]),
  time: z.iso.datetime(),
  service: z.literal("sluice-edge"),
  part: z.string().optional(),
  err: z.object({ type: z.string(), message: z.string(), stack: z.string() }).optional(),
  msg: z.string().regex(/^(?!sluice)/),
});
const PERSONAL = ["ada.lovelace@example.com", "203.0.113.77", "a-visitors-cookie", "a-bearer-token"];

/** What a Worker with these variables writes to its log while a visitor asks for a page. */
const logOfVisit = async (
  bindings: Readonly<Record<string, string>>,
  visit: (url: string) => Promise<void>,
) => {
  const lines: string[] = [];
  const made = await startTestEdge(bindings, { onLogLine: (line) => lines.push(line) });
  const feature = { featureId: "feat_a", enabled: true, rolloutBps: 10_000, version: 1, epoch: 1 };
  try {
    await made.push({ revision: 1, full: true, features: [feature] });
    await visit(made.url);
    await eventually(async () => lines.length > 0);
  } finally {
    await made.stop();
  }
  const text = lines.join("\n");
  const secrets = Object.entries(bindings).filter(([name]) => /KEY|TOKEN/.test(name));
  for (const one of [...PERSONAL, ...secrets.map(([, value]) => value), "secret-of-the-tests"])
    expect(text).not.toContain(one);
  return lines.map((line) => LogLine.parse(JSON.parse(line)));
};
const visitor = {
  headers: {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "X-User": "ada.lovelace@example.com",
    "X-Forwarded-For": "203.0.113.77",
    Cookie: "sluice=v1.c2.a-visitors-cookie=",
    Authorization: "Bearer a-bearer-token",
  },
};

test("a site that cannot be reached is a 502 and a line of JSON in the log, not a broken Worker", async () => {
  const log = await logOfVisit({ UPSTREAM_URL: "http://127.0.0.1:9" }, async (url) => {
    expect((await fetch(`${url}/?mail=ada.lovelace@example.com`, visitor)).status).toBe(502);
  });
  expect(log).toMatchObject([
    { level: 50, part: "upstream", msg: "upstream failed", err: { type: "Error" } },
  ]);
});

test("a wrong variable is named, and the site goes on ungated", async () => {
  const log = await logOfVisit({ UPSTREAM_URL: site.url, WATCH_MS: "soon" }, async (url) => {
    const posing = { "Sluice-Features": "feat_a=treatment" };
    expect((await fetch(`${url}/any`, { headers: posing })).status).toBe(200);
    expect(lastHeader("Sluice-Features")).toBe(null);
    const health = await fetch(`${url}/.sluice/health`);
    expect(health.status).toBe(503);
    expect(await health.text()).toContain("WATCH_MS must be a whole number");
  });
  expect(log[0]).toMatchObject({
    level: 50,
    msg: expect.stringContaining("WATCH_MS must be a whole number"),
  });
});
