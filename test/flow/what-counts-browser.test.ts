// What a real Chromium sends for one person who looks at pages: its own fetch metadata, manifests, pictures, pages fetched
// and rendered ahead. One person is one unit, counted when a page is shown.
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Visit } from "../attack/site.ts";
import { RULE } from "../attack/story.ts";
import { startWorld, type World } from "../attack/world.ts";
import { startBrowser } from "../support/browser.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { eventually } from "../support/stack.ts";

const USER_AGENT =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

let database: TestDatabase;
let world: World;
let browser: Browser;

beforeAll(async () => {
  database = await makeTestDatabase();
  world = await startWorld({ originEnv: { DATABASE_URL: database.url } });
  browser = await startBrowser([`--user-agent=${USER_AGENT}`]);
});
afterAll(async () => {
  await browser.close();
  await world.stop();
  await database.drop();
});

type Seen = { path: string; purpose: string; isTreated: boolean };

/** Pages by path; everything else of the feature's is a picture. The list fills with what the site was asked for. */
const launch = async (
  featureId: string,
  pages: Readonly<Record<string, string>>,
  { state = {}, rolloutBps = 10_000 }: { state?: object; rolloutBps?: number } = {},
) => {
  const seen: Seen[] = [];
  const show = ({ path, isTreated, request, response }: Visit): boolean => {
    const purpose = String(request.headers["sec-purpose"] ?? request.headers["purpose"] ?? "");
    seen.push({ path, purpose, isTreated });
    const page = pages[path];
    if (page === undefined) return false;
    response
      .writeHead(200, { "content-type": "text/html", "cache-control": "no-store" })
      .end(`<!doctype html>${page}<p id=shown>${isTreated ? "new" : "old"}</p>`);
    return true;
  };
  world.site.behave(featureId, show);
  // Pages outside of the feature's routes, from which its pages are fetched ahead.
  world.site.behave(`${featureId}_outside`, show);
  await world.launch({
    featureId,
    rolloutBps,
    state: { holdoutBps: 0, routes: [{ path: `/${featureId}/*` }], ...state },
    rule: { ...RULE, mode: "shadow" },
  });
  return seen;
};

const count = async (table: "feature_exposures" | "user_actions", featureId: string): Promise<number> => {
  const { rows } = await database.pool.query<{ units: string }>(
    `select count(distinct user_id) as units from ${table} where feature_id = $1`,
    [featureId],
  );
  return Number(rows[0]?.units ?? 0);
};

const inNewContext = async (use: (context: BrowserContext) => Promise<void>): Promise<void> => {
  const context = await browser.newContext();
  try {
    await use(context);
  } finally {
    await context.close();
  }
};

/** Telemetry that was sent before has been counted once this has. */
const settle = async (): Promise<void> => {
  const featureId = `feat_settle_${Math.random().toString(36).slice(2)}`;
  await launch(featureId, { "/": "" });
  await inNewContext(async (context) => {
    await (await context.newPage()).goto(`${world.edgeUrl}/${featureId}/`);
  });
  await eventually(async () => (await count("feature_exposures", featureId)) === 1, 20_000);
};

test("three people who load a page with all that belongs to it three times are three units", async () => {
  const featureId = "feat_page";
  const own = (path: string) => `/${featureId}${path}`;
  const seen = await launch(featureId, {
    "/page": `
      <link rel=manifest href="${own("/manifest.json")}">
      <link rel=icon href="${own("/icon.png")}">
      <link rel=stylesheet href="${own("/style.css")}">
      <script src="${own("/script.js")}"></script>
      <img src="${own("/assets/1.png")}"><img src="${own("/assets/2.png")}" crossorigin>
      <script>
        const without = { credentials: "omit" };
        window.all = Promise.all([
          fetch("${own("/api/1")}", without), fetch("${own("/api/2")}"), fetch("${own("/api/3")}", { ...without, method: "HEAD" }),
        ]);
      </script>`,
  });
  for (let person = 0; person < 3; person += 1)
    await inNewContext(async (context) => {
      const page = await context.newPage();
      for (let time = 0; time < 3; time += 1) {
        await page.goto(`${world.edgeUrl}${own("/page")}`, { waitUntil: "networkidle" });
        await page.evaluate("window.all");
        expect(await page.textContent("#shown")).toBe("new");
      }
    });
  expect(seen.filter(({ path }) => path.startsWith("/api/")).length).toBe(27);
  await settle();
  expect(await count("feature_exposures", featureId)).toBe(3);
});

const ahead = (how: "prefetch" | "prerender", url: string) =>
  `<script type="speculationrules">{"${how}": [{"urls": ["${url}"], "eagerness": "immediate"}]}</script>
   <a id=link href="${url}">on</a>`;

test.each(["prefetch", "prerender"] as const)(
  "a page of a newcomer that Chromium fetches ahead by %s is no exposure; the next page that is shown is one",
  async (how) => {
    const featureId = `feat_${how}`;
    const target = `/${featureId}/page`;
    // All but one in ten thousand: a request that is nobody's gets what is open to everybody.
    const pages = { "/page": "a page", "/from": ahead(how, target) };
    const seen = await launch(featureId, pages, { rolloutBps: 9_999 });
    await inNewContext(async (context) => {
      const page = await context.newPage();
      await page.goto(`${world.edgeUrl}/${featureId}_outside/from`);
      await eventually(async () => seen.some(({ path, purpose }) => path === "/page" && purpose !== ""));
      await settle();
      expect(await count("feature_exposures", featureId)).toBe(0);
      // Nobody is treated who is not counted.
      expect(seen.filter(({ isTreated }) => isTreated)).toEqual([]);
      await page.click("#link");
      await page.waitForURL(`**${target}`);
      await page.goto(`${world.edgeUrl}${target}`);
      expect(await page.textContent("#shown")).toBe("new");
      await eventually(async () => (await count("feature_exposures", featureId)) === 1, 20_000);
    });
  },
);

test("a link that activates, fetched ahead by Chromium, is nobody's activation until it is followed", async () => {
  const featureId = "feat_link";
  const target = `/${featureId}/done`;
  const seen = await launch(
    featureId,
    { "/page": ahead("prefetch", target), "/done": "thanks" },
    { state: { activation: { path: target, method: "GET" } } },
  );
  await inNewContext(async (context) => {
    const page = await context.newPage();
    await page.goto(`${world.edgeUrl}/${featureId}/page`);
    await eventually(async () => seen.some(({ path, purpose }) => path === "/done" && purpose !== ""));
    await settle();
    expect(await count("feature_exposures", featureId)).toBe(1);
    expect(await count("user_actions", featureId)).toBe(0);
    await page.goto(`${world.edgeUrl}${target}?followed`);
    await eventually(async () => (await count("user_actions", featureId)) === 1, 20_000);
  });
});
