// `<sluice-feature>` on pages without a framework, in Chromium: under a strict Content-Security-Policy, made by a script, and
// while the edge or its script is away.
import { createServer, type Server } from "node:http";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startCuttableProxy, type CuttableProxy } from "../support/cuttable-proxy.ts";
import { startBrowser } from "../support/browser.ts";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { listenOnLoopback } from "../support/listen.ts";

const POLICY =
  "default-src 'none'; script-src 'nonce-n0nce'; connect-src 'self'; require-trusted-types-for 'script'";

const element = (id: string, feature: string, attributes: string): string =>
  `<sluice-feature name="${feature}" ${attributes}><p id="${id}">${id}</p></sluice-feature>`;

/** `feat_static` keeps its state when the edge is away, `feat_closing` closes. */
const BODY = [
  element("static", "feat_static", "live hidden"),
  element("static-old", "feat_static", "otherwise"),
  element("closing", "feat_closing", "live hidden"),
  element("closing-old", "feat_closing", "otherwise"),
  element("unknown", "feat_unknown", "hidden"),
].join("");

const pageOf = (head: string): string =>
  `<!doctype html><html><head><title>shop</title>${head}</head><body>${BODY}</body></html>`;

const SCRIPT = '<script defer nonce="n0nce" src="/.sluice/elements.js"></script>';

const PAGES: Readonly<Record<string, string>> = {
  "/shop": pageOf(SCRIPT),
  "/shop/early": pageOf('<script async nonce="n0nce" src="/.sluice/elements.js"></script>'),
  "/elsewhere": pageOf(SCRIPT),
  "/empty": `<!doctype html><html><head>${SCRIPT}</head><body></body></html>`,
};

let site: Server;
let edge: TestEdge;
/** Between the browser and the edge. */
let network: CuttableProxy;
let browser: Browser;
let page: Page;
let revision = 0;
const errors: string[] = [];

const set = async (fields: object): Promise<void> => {
  const shared = {
    enabled: true,
    rolloutBps: 10_000,
    version: revision + 1,
    routes: [{ path: "/shop/*" }],
    gate: { html: { elements: true } },
    ...fields,
  };
  const features = [
    { featureId: "feat_static", ...shared },
    { featureId: "feat_closing", failureMode: "closed", ...shared },
  ];
  expect((await edge.push({ revision: ++revision, full: true, features })).status).toBe(200);
};
const open = (): Promise<void> => set({});
const close = (): Promise<void> => set({ enabled: false, rolloutBps: 0 });

beforeAll(async () => {
  site = createServer((request, response) => {
    const body = PAGES[new URL(request.url ?? "/", "http://site").pathname];
    response.writeHead(body === undefined ? 404 : 200, {
      "Content-Type": "text/html",
      "Content-Security-Policy": POLICY,
    });
    response.end(body);
  });
  const { url } = await listenOnLoopback(site);
  edge = await startTestEdge({ UPSTREAM_URL: url });
  network = await startCuttableProxy(edge.url);
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  network.stop();
  await edge.stop();
  site.closeAllConnections();
  site.close();
});

const visit = async (path: string, block: string | null = null): Promise<void> => {
  page = await browser.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico"))
      errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  if (block !== null) await page.route(block, (route) => route.abort());
  await page.goto(network.url + path);
};
afterEach(async () => {
  await page.close();
  errors.length = 0;
});

/** The ids of what a visitor sees. */
const shown = (): Promise<string[]> =>
  page.evaluate<string[]>(
    `[...document.querySelectorAll("p")].filter((p) => p.checkVisibility()).map((p) => p.id)`,
  );
const expectShown = (ids: readonly string[], timeout = 5_000): Promise<void> =>
  expect.poll(shown, { timeout }).toEqual(ids);

const OPEN = ["static", "closing"];
const OFF = ["static-old", "closing-old"];

test.each(["/shop", "/shop/early"])(
  "under a policy of nonces and Trusted Types %s shows what is open, and nothing is reported",
  async (path) => {
    await open();
    await visit(path);
    await expect.poll(() => page.evaluate(`customElements.get("sluice-feature") !== undefined`)).toBe(true);
    await expectShown(OPEN);
    expect(errors).toEqual([]);
  },
);

test("live elements close and open with the feature, and the page stays the same document", async () => {
  await open();
  await visit("/shop");
  await page.evaluate("window.isSameDocument = true");
  await expectShown(OPEN);
  await close();
  await expectShown(OFF);
  await open();
  await expectShown(OPEN);
  expect(await page.evaluate("window.isSameDocument")).toBe(true);
});

test("elements that a script makes are shown as the edge says, and follow a change of their name", async () => {
  await open();
  await visit("/empty");
  await page.evaluate(`
    history.pushState(null, "", "/shop/made");
    const made = document.createElement("sluice-feature");
    made.setAttribute("name", "feat_static");
    made.hidden = true;
    const p = document.createElement("p");
    p.id = "made";
    made.append(p);
    p.textContent = "made";
    document.body.append(made);`);
  await expectShown(["made"]);
  await page.evaluate(`document.querySelector("sluice-feature").setAttribute("name", "feat_other")`);
  await expectShown([]);
  await page.evaluate(`document.querySelector("sluice-feature").setAttribute("name", "feat_closing")`);
  await expectShown(["made"]);
});

test("an element that stays while the address changes follows it", async () => {
  await open();
  await visit("/shop");
  await expectShown(OPEN);
  await page.evaluate(`history.pushState(null, "", "/elsewhere")`);
  await expectShown(OFF);
  await page.goBack();
  await expectShown(OPEN);
});

test("off the feature's routes an element is as for everybody without the feature", async () => {
  await open();
  await visit("/elsewhere");
  await expectShown(OFF);
});

test("a framework that writes `hidden` again does not hide what is open", async () => {
  await open();
  await visit("/shop");
  await expectShown(OPEN);
  await page.evaluate(`document.querySelector("#static").parentElement.hidden = true`);
  expect(await shown()).toEqual(OPEN);
});

test("without the script the page shows what the gate has written, and without the gate what the site has", async () => {
  await open();
  await visit("/shop", "**/elements.js");
  expect(await shown()).toEqual(OPEN);
  await page.close();
  await visit("/elsewhere", "**/elements.js");
  expect(await shown()).toEqual(OFF);
});

test("a refused stream closes nothing while the edge answers", async () => {
  await open();
  await visit("/shop", "**/ofrep/stream");
  // The first is for the element that the gate does not know.
  const asks = `performance.getEntriesByType("resource").filter(({ name }) => name.includes("/elements?")).length`;
  await expect.poll(() => page.evaluate(asks), { timeout: 10_000 }).toBe(2);
  expect(await shown()).toEqual(OPEN);
});

test("when the edge is away a feature that fails closed closes, and another keeps its state", async () => {
  await open();
  await visit("/shop");
  await expectShown(OPEN);
  const isTold = `performance.getEntriesByType("resource").some(({ name }) => name.includes("/elements?"))`;
  await expect.poll(() => page.evaluate(isTold)).toBe(true);
  network.cut();
  await expectShown(["static", "closing-old"], 12_000);
  network.mend();
  await expectShown(OPEN, 12_000);
});
