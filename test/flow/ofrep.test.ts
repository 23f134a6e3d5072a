// OpenFeature's own clients, unmodified, before a real edge: the web provider in Chromium, the server provider in Node.
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { bucketOf } from "../../shared/features/assign.ts";
import { startBrowser } from "../support/browser.ts";
import { startCuttableProxy, type CuttableProxy } from "../support/cuttable-proxy.ts";
import { SERVER_KEY, startTestEdge, type TestEdge } from "../support/edge.ts";
import { startOfrepSite, type OfrepSite } from "../support/ofrep-site.ts";

let site: OfrepSite;
let edge: TestEdge;
let revision = 0;

const feature = (featureId: string, fields = {}) => ({
  featureId,
  enabled: true,
  rolloutBps: 10_000,
  version: 1,
  ...fields,
});

const setLive = async (enabled: boolean): Promise<void> => {
  const features = [feature("feat_live", { enabled })];
  const response = await edge.push({ revision: ++revision, full: false, features });
  expect(response.status).toBe(200);
};

beforeAll(async () => {
  site = await startOfrepSite();
  edge = await startTestEdge({ UPSTREAM_URL: site.url, CORS_ORIGINS: site.url });
  const half = feature("feat_half", { rolloutBps: 5_000 });
  await edge.push({ revision: ++revision, full: true, features: [feature("feat_live"), half] });
});
afterAll(async () => {
  await edge.stop();
  site.stop();
});

type Events = { next: () => Promise<string>; close: () => Promise<void> };
const events = async (headers: Record<string, string> = {}): Promise<Events> => {
  const response = await fetch(`${edge.url}/.sluice/ofrep/stream`, { headers });
  expect(response.headers.get("Content-Type")).toMatch(/^text\/event-stream/);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) throw new Error("the stream has no body");
  let text = "";
  const next = async (): Promise<string> => {
    for (;;) {
      const end = text.indexOf("\n\n");
      const block = text.slice(0, end);
      if (end >= 0) text = text.slice(end + 2);
      if (end >= 0 && block.includes("data:")) return block;
      if (end >= 0) continue;
      const { value, done } = await reader.read();
      if (done) throw new Error("the stream ended");
      text += value;
    }
  };
  return { next, close: () => reader.cancel() };
};

describe("the stream", () => {
  test("a stream tells a new client to evaluate, and again with every change", async () => {
    const stream = await events();
    const data = (told: number): string =>
      `id: r${told}\ndata: {"type":"refetchEvaluation","etag":"r${told}"}`;
    expect(await stream.next()).toBe(data(revision));
    for (let i = 0; i < 5; i++) {
      await setLive(i % 2 === 1);
      expect(await stream.next()).toBe(data(revision));
    }
    await stream.close();
  });

  test("a client that comes again is told only what it missed", async () => {
    const id = `r${revision}`;
    const current = await events({ "Last-Event-ID": id });
    const late = await events({ "Last-Event-ID": `r${revision - 1}` });
    expect(await late.next()).toContain(`id: ${id}`);
    await setLive(true);
    expect(await current.next()).toContain(`id: r${revision}`);
    await current.close();
    await late.close();
  });
});

describe("the server provider in Node", () => {
  const providerWith = (headers: [string, string][]): OFREPProvider =>
    new OFREPProvider({ baseUrl: `${edge.url}/.sluice`, headers });

  beforeAll(() => OpenFeature.setProviderAndWait(providerWith([["X-API-Key", SERVER_KEY]])));
  afterAll(() => OpenFeature.close());

  test("evaluates by targeting key, with variant, reason and metadata", async () => {
    const client = OpenFeature.getClient();
    for (const targetingKey of ["user-1", "user-2", "user-3", "user-4"]) {
      const value = bucketOf("feat_half", targetingKey) < 5_000;
      expect(await client.getBooleanDetails("feat_half", false, { targetingKey })).toMatchObject({
        value,
        variant: value ? "treatment" : "off",
        reason: "SPLIT",
        flagMetadata: { epoch: 1, version: 1 },
      });
    }
  });

  test("hears of faults by OpenFeature's codes, and gets its default", async () => {
    const client = OpenFeature.getClient();
    expect(await client.getBooleanDetails("feat_nowhere", true, { targetingKey: "u" })).toMatchObject({
      value: true,
      errorCode: "FLAG_NOT_FOUND",
    });
    expect(await client.getBooleanDetails("feat_half", false, {})).toMatchObject({
      errorCode: "TARGETING_KEY_MISSING",
    });
    expect(await client.getStringDetails("feat_half", "x", { targetingKey: "u" })).toMatchObject({
      value: "x",
      errorCode: "TYPE_MISMATCH",
    });
  });
});

test("the server provider without a server key learns what concerns everybody, and of no user", async () => {
  const baseUrl = `${edge.url}/.sluice`;
  await OpenFeature.setProviderAndWait("keyless", new OFREPProvider({ baseUrl }));
  const client = OpenFeature.getClient("keyless");
  expect(await client.getBooleanDetails("feat_live", false, {})).toMatchObject({ value: true });
  expect(await client.getBooleanDetails("feat_half", true, { targetingKey: "user-1" })).toMatchObject({
    value: true,
    reason: "ERROR",
    errorCode: "GENERAL",
  });
  await OpenFeature.close();
});

type Seen = { value: boolean; reason: string; at: number };
const seenBy = (page: Page): Promise<Seen[]> => page.evaluate("window.seen");
const ready = (page: Page): Promise<unknown> => page.waitForFunction("document.title === 'ready'");
const sees = (page: Page, value: boolean): Promise<Seen> =>
  vi.waitUntil(
    async () => {
      const last = (await seenBy(page)).at(-1);
      return last?.value === value ? last : null;
    },
    { timeout: 20_000, interval: 20 },
  );

const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

describe("the web provider in Chromium", () => {
  let browser: Browser;
  let proxy: CuttableProxy;

  beforeAll(async () => {
    browser = await startBrowser();
    proxy = await startCuttableProxy(edge.url);
  });
  afterAll(async () => {
    await browser.close();
    proxy.stop();
  });

  test("a rollback reaches a connected client", async () => {
    const page = await browser.newPage();
    await page.goto(edge.url);
    await ready(page);
    const tookMs: number[] = [];
    for (let round = 0; round < 15; round++) {
      await setLive(true);
      await sees(page, true);
      const began = Date.now();
      await setLive(false);
      tookMs.push((await sees(page, false)).at - began);
    }
    // oxlint-disable-next-line no-console -- the figure is for who reads the test's output
    console.log(
      `rollback to a connected web client: median ${medianOf(tookMs)} ms, worst ${Math.max(...tookMs)} ms, n ${tookMs.length}`,
    );
    await page.close();
  });

  test("a client that was cut off during the rollback is told as soon as it is back", async () => {
    await setLive(true);
    const page = await browser.newPage();
    await page.goto(proxy.url);
    await ready(page);
    await sees(page, true);
    proxy.cut();
    await setLive(false);
    const answers: Promise<{ flags: unknown[] }>[] = [];
    page.on("response", (response) => {
      if (response.url().includes("/evaluate/flags")) answers.push(response.json());
    });
    proxy.mend();
    await sees(page, false);
    for (const { flags } of await Promise.all(answers))
      expect(flags).toContainEqual(expect.objectContaining({ key: "feat_live", value: false }));
    await page.close();
  });

  test("a client that begins again after the rollback never sees the feature open", async () => {
    await setLive(true);
    const page = await browser.newPage();
    await page.goto(`${edge.url}/?cacheMode=network-first`);
    await ready(page);
    await sees(page, true);
    await setLive(false);
    for (let visit = 0; visit < 5; visit++) {
      await page.reload();
      await ready(page);
      expect((await seenBy(page)).map(({ value }) => value)).toEqual([false]);
    }
    await page.close();
  });

  /** The site itself, which is another origin than the edge: another port, and as `localhost` another site. */
  const openElsewhere = async (host: string, credentials: string): Promise<Page> => {
    const page = await (await browser.newContext()).newPage();
    const { port } = new URL(site.url);
    const query = new URLSearchParams({ edge: edge.url, credentials, cacheMode: "network-first" });
    await page.goto(`http://${host}:${port}/?${query.toString()}`);
    await ready(page);
    return page;
  };

  test("a page of a listed origin has the visitor's own flags, its cookie and the stream", async () => {
    await setLive(true);
    const page = await openElsewhere("127.0.0.1", "include");
    await sees(page, true);
    const unitOf = async (): Promise<string | undefined> =>
      (await page.context().cookies(edge.url)).find(({ name }) => name === "sluice")?.value;
    const cookie = await unitOf();
    expect(cookie).toMatch(/^v1\.c2\./);
    await setLive(false);
    await sees(page, false);
    await page.reload();
    await ready(page);
    expect(await unitOf()).toBe(cookie);
    await page.context().close();
  });

  test("a page of an origin that is not listed is refused by the browser, and gets its defaults", async () => {
    await setLive(true);
    const page = await openElsewhere("localhost", "include");
    expect(await page.evaluate("window.failed")).toMatch(/fetch/i);
    expect((await seenBy(page)).map(({ value }) => value)).toEqual([false]);
    expect(await page.context().cookies(edge.url)).toEqual([]);
    await page.context().close();
  });
});
