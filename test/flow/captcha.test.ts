// Captchas from the page to the counts: the snippets of docs/bots.md in a real Chromium, through the built Worker
// to a real ingest. Only the provider is a stand-in: its script, and siteverify.
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { text } from "node:stream/consumers";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { CAPTCHA_SECRET } from "../edge/support/captcha-token.ts";
import { startBrowser } from "../support/browser.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { makeSiteverify } from "../support/siteverify.ts";
import {
  createFeature,
  INGEST_TOKEN,
  startTelemetry,
  waitFor,
  type TestTelemetry,
} from "../support/telemetry.ts";

const USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/**
 * The provider's script, with its interface. What it finds is in the page's query: `?score=0.1`, or `?invalid` for a token
 * that siteverify calls invalid.
 */
const PROVIDER_SCRIPT = `
  const found = new URLSearchParams(location.search);
  const tokenFor = (action) => {
    if (found.has("invalid")) return "made up";
    const fields = { hostname: location.hostname, action, id: crypto.randomUUID() };
    return new URLSearchParams(found.has("score") ? { ...fields, score: found.get("score") } : fields).toString();
  };
  const checkKey = (key) => { if (key !== "YOUR_SITE_KEY") throw new Error("another site key"); };
  window.turnstile = {
    render: (selector, { sitekey, action, callback }) => {
      checkKey(sitekey);
      document.querySelector(selector).textContent = "";
      callback(tokenFor(action));
    },
  };
  window.grecaptcha = {
    ready: (callback) => callback(),
    execute: async (key, { action }) => {
      checkKey(key);
      return tokenFor(action);
    },
  };
  const { searchParams } = new URL(document.currentScript.src);
  window[searchParams.get("onload")]();
`;

/** The snippets by provider, as the documentation has them, with the provider's script from the site itself. */
const readSnippets = async (): Promise<Record<string, string>> => {
  const docs = await readFile(new URL("../../docs/bots.md", import.meta.url), "utf8");
  const blocks = [...docs.matchAll(/```html\n([^`]+)```/g)].map(([, html = ""]) => html);
  const of = (src: string): string =>
    (blocks.find((html) => html.includes(src)) ?? "").replace(`https://${src}`, "/provider.js");
  return {
    turnstile: of("challenges.cloudflare.com/turnstile/v0/api.js"),
    recaptcha: of("www.google.com/recaptcha/api.js"),
  };
};

let database: TestDatabase;
let telemetry: TestTelemetry;
let site: Server;
let siteUrl = "";
let browser: Browser;
let verified = 0;

beforeAll(async () => {
  const snippets = await readSnippets();
  const siteverify = makeSiteverify();
  site = createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    if (path === "/provider.js")
      response.writeHead(200, { "Content-Type": "text/javascript" }).end(PROVIDER_SCRIPT);
    else if (path === "/siteverify") {
      verified++;
      void text(request).then((body) => siteverify(body, response));
    } else response.writeHead(200, { "Content-Type": "text/html" }).end(snippets[path.slice(1)] ?? "");
  });
  ({ url: siteUrl } = await listenOnLoopback(site));
  database = await makeTestDatabase();
  telemetry = await startTelemetry(database);
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  site.closeAllConnections();
  site.close();
  await telemetry.stop();
  await database.drop();
});

const Explained = z.object({ unit: z.string(), captchaScore: z.number().nullable() });

describe.each([
  ["turnstile", { human: 1, asHuman: "", bot: 0, asBot: "?invalid" }],
  ["recaptcha", { human: 0.9, asHuman: "?score=0.9", bot: 0.3, asBot: "?score=0.3" }],
])("%s", (provider, { human, asHuman, bot, asBot }) => {
  const featureId = `feat_${provider}`;
  let edge: TestEdge;

  beforeAll(async () => {
    await createFeature(database, featureId);
    edge = await startTestEdge({
      UPSTREAM_URL: siteUrl,
      ORIGIN_URL: telemetry.url,
      INGEST_TOKEN,
      CAPTCHA_PROVIDER: provider,
      CAPTCHA_SECRET,
      CAPTCHA_VERIFY_URL: `${siteUrl}/siteverify`,
    });
    const feature = { featureId, enabled: true, rolloutBps: 10_000, version: 1, epoch: 1 };
    await edge.push({
      revision: 1,
      full: true,
      features: [{ ...feature, routes: [{ path: `/${provider}` }, { path: "/next" }] }],
    });
  });
  afterAll(() => edge.stop());

  const visit = async (query: string) => {
    const context = await browser.newContext({ userAgent: USER_AGENT });
    const page = await context.newPage();
    const open = async () => {
      const told = page.waitForResponse("**/.sluice/captcha", { timeout: 10_000 });
      await page.goto(`${edge.url}/${provider}${query}`);
      return told;
    };
    const explain = async () =>
      Explained.parse(await page.evaluate("fetch('/.sluice/explain').then((response) => response.json())"));
    return { context, page, open, explain };
  };

  const exposedUnits = async (): Promise<string[]> => {
    const { rows } = await database.pool.query<{ user_id: string }>(
      "select user_id from feature_exposures where feature_id = $1",
      [featureId],
    );
    return rows.map(({ user_id: unit }) => unit);
  };

  const exposureCount = async (): Promise<number> => {
    const { rows } = await database.pool.query<{ units: number | null }>(
      "select sum(units)::integer as units from outcome_counts where feature_id = $1 and signal = 'exposure'",
      [featureId],
    );
    return rows[0]?.units ?? 0;
  };

  test("a person is counted; a bot is served like them, and counted no more once it is found", async () => {
    const person = await visit(asHuman);
    expect((await person.open()).status()).toBe(204);
    const { unit, captchaScore } = await person.explain();
    expect(captchaScore).toBe(human);
    await waitFor(async () => (await exposureCount()) === 1);

    const robot = await visit(asBot);
    // Its first page, before the token.
    const held = await robot.page.goto(`${edge.url}/next`);
    expect(held?.status()).toBe(200);
    await waitFor(async () => (await exposureCount()) === 2);
    const told = await robot.open();
    expect(told.status()).toBe(204);
    expect((await robot.explain()).captchaScore).toBe(bot);
    await waitFor(async () => (await exposureCount()) === 1);
    expect(await exposedUnits()).toEqual([unit]);

    const page = async (visitor: typeof person) => {
      await visitor.page.goto(`${edge.url}/${provider}`);
      return visitor.page.content();
    };
    expect(await page(robot)).toBe(await page(person));
    await waitFor(async () => {
      await telemetry.bots.write();
      const { rows } = await database.pool.query<{ requests: string }>(
        "select requests from bot_requests where feature_id = $1",
        [featureId],
      );
      return Number(rows[0]?.requests ?? 0) >= 2;
    });
    expect(await exposedUnits()).toEqual([unit]);
    await person.context.close();
    await robot.context.close();
  });

  test("a page asks the provider once a session, and siteverify is asked once a visitor", async () => {
    const { context, page, open, explain } = await visit(asHuman);
    const before = verified;
    await open();
    await page.waitForFunction("sessionStorage.length === 1");
    expect(verified).toBe(before + 1);
    let asked = 0;
    page.on("request", (request) => {
      if (request.url().endsWith("/.sluice/captcha")) asked++;
    });
    await page.reload();
    await page.waitForFunction("window.turnstile !== undefined");
    expect(asked).toBe(0);
    await page.evaluate("sessionStorage.clear()");
    expect((await open()).status()).toBe(204);
    expect(verified).toBe(before + 1);
    expect((await explain()).captchaScore).toBe(human);
    await context.close();
  });
});
