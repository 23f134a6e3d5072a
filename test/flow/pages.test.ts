// Pages through the gate in a real browser: what a visitor sees of a feature, before and after it closes.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { listenOnLoopback } from "../support/listen.ts";

const PAGE = `<!doctype html><html><head><title>shop</title>
<script nonce="n0nce">
  const told = document.getElementById("sluice-flags");
  window.flags = told === null ? null : JSON.parse(told.textContent);
</script></head><body>
<p id="new" data-feature="feat_new" hidden>the new way</p>
<p id="all">for everyone</p>
<script>window.unsigned = true;</script></body></html>`;
const POLICY = "default-src 'none'; script-src 'nonce-n0nce'; connect-src 'self'";

const LINE = '<p data-feature="feat_new" hidden>line</p>\n';
const FILLER = `<p>${"x".repeat(64 * 1_024)}</p>`;
const CHUNKS = 800;

const writeMuch = async (response: ServerResponse): Promise<void> => {
  for (let i = 0; i < CHUNKS; i++) if (!response.write(LINE + FILLER)) await once(response, "drain");
  response.end();
};

/** Bodies of telemetry that the edge sent. */
const telemetry: string[] = [];

const keepTelemetry = async (request: IncomingMessage): Promise<void> => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += String(chunk);
  telemetry.push(body);
};

let release: () => void = () => {};
let site: Server;
let edge: TestEdge;
let browser: Browser;
let revision = 0;

const set = async (fields: object): Promise<void> => {
  const gate = { html: { elements: true, flags: true } };
  const feature = { featureId: "feat_new", enabled: true, rolloutBps: 10_000, version: 1, gate, ...fields };
  expect((await edge.push({ revision: ++revision, full: true, features: [feature] })).status).toBe(200);
};

beforeAll(async () => {
  site = createServer((request, response) => {
    const headers = { "Content-Type": "text/html", "Content-Security-Policy": POLICY, ETag: '"v1"' };
    if (request.headers["if-none-match"] === '"v1"') response.writeHead(304, headers).end();
    else if (request.url === "/slow") {
      response.writeHead(200, headers).write(`<head></head>${LINE}`);
      release = () => response.end("<p>end</p>");
    } else if (request.url === "/v1/traces") {
      void keepTelemetry(request).then(() => response.writeHead(200).end("{}"));
    } else if (request.url === "/much") {
      response.writeHead(200, headers);
      void writeMuch(response);
    } else response.writeHead(200, { ...headers, "Cache-Control": "max-age=600" }).end(PAGE);
  });
  const { url: siteUrl } = await listenOnLoopback(site);
  edge = await startTestEdge({ UPSTREAM_URL: siteUrl, ORIGIN_URL: siteUrl });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await edge.stop();
  site.closeAllConnections();
  site.close();
});

const visit = async (path = "/") => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const look = async () => ({
    isShown: await page.locator("#new").isVisible(),
    isThere: (await page.locator("#new").count()) > 0,
    flags: await page.evaluate("window.flags"),
  });
  await page.goto(edge.url + path);
  return { context, page, look };
};

test("treatment sees the new element and its scripts know, under the page's own policy", async () => {
  await set({});
  const { page, look, context } = await visit();
  expect(await look()).toEqual({ isShown: true, isThere: true, flags: { feat_new: true } });
  expect(await page.evaluate("window.unsigned")).toBe(undefined);
  await context.close();
});

test("the page that a browser kept is not shown again after the feature closed", async () => {
  await set({});
  const { page, look, context } = await visit();
  await set({ enabled: false });
  await page.goto("about:blank");
  await page.goto(edge.url);
  expect(await look()).toEqual({ isShown: false, isThere: false, flags: { feat_new: false } });
  await context.close();
});

test("a visitor's cookie is kept by the browser, hidden from scripts and set once", async () => {
  await set({ rolloutBps: 5_000, holdoutBps: 5_000 });
  const { page, look, context } = await visit();
  const first = await look();
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ name: "sluice", httpOnly: true, sameSite: "Lax", path: "/" });
  expect(await page.evaluate("document.cookie")).toBe("");
  for (let i = 0; i < 5; i++) {
    await page.reload();
    expect(await look()).toEqual(first);
    expect((await context.cookies())[0]?.value).toBe(cookie?.value);
  }
  await context.close();
});

test("a page's beacon tells the origin that its visitor acted", async () => {
  await set({});
  const { page, context } = await visit();
  const sent = `navigator.sendBeacon("/.sluice/events", '{"type":"activation","featureId":"feat_new"}')`;
  expect(await page.evaluate(sent)).toBe(true);
  await expect
    .poll(() => telemetry.some((body) => body.includes("action_taken")), { timeout: 20_000 })
    .toBe(true);
  await context.close();
});

test("without the gate a page shows nothing of the feature", async () => {
  await edge.push({ revision: ++revision, full: true, features: [] });
  const { look, context } = await visit();
  expect(await look()).toEqual({ isShown: false, isThere: true, flags: null });
  await context.close();
});

test("the overlay shows the developer's own answer, for any page", async () => {
  await set({});
  const { page, context } = await visit("/.sluice/overlay");
  const answer = page.getByRole("listitem").filter({ hasText: "feat_new" });
  expect(await answer.innerText()).toMatch(/You get it\s+feat_new[^]*Your cohort\s+treatment/);
  await page.fill("input[name=path]", "/somewhere");
  await page.click("button");
  expect(page.url()).toContain("path=%2Fsomewhere");
  await context.close();
});

test("an edited page streams: its beginning arrives before the site has written its end", async () => {
  await set({});
  const response = await fetch(`${edge.url}/slow`);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("line")) text += (await reader?.read())?.value ?? "";
  expect(text).toContain('{"feat_new":true}');
  expect(text).not.toContain("hidden");
  expect(text).not.toContain("end");
  release();
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) text += read.value;
  expect(text).toContain("<p>end</p>");
});

test("a page of 50 MB is edited with flat memory", async () => {
  await set({ enabled: false });
  const before = edge.residentBytes();
  const response = await fetch(`${edge.url}/much`);
  let bytes = 0;
  let most = 0;
  let measuredAt = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes - measuredAt < 5_000_000) continue;
    measuredAt = bytes;
    most = Math.max(most, edge.residentBytes());
  }
  expect(bytes).toBeGreaterThan(FILLER.length * CHUNKS);
  expect(bytes).toBeLessThan((FILLER.length + LINE.length) * CHUNKS);
  expect(most - before).toBeLessThan(64 * 1_024 * 1_024);
});
