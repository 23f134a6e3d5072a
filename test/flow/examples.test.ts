// The examples as a reader runs them: each in a copy of its folder, by the commands of its README, with a real stack.
import type { Browser } from "playwright-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { firstSecret } from "../../scripts/local-stack/secrets.ts";
import { startBrowser } from "../support/browser.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { openExample, type Example } from "../support/example.ts";
import { eventually, makeTestStack, type TestStack } from "../support/stack.ts";

const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

/** An example begins with its own `npm ci`, whose time is the registry's. */
const WITH_INSTALL_MS = 180_000;

let database: TestDatabase;
let example: Example;
let stack: TestStack;

const open = async (name: string, edgeVars: Record<string, string> = {}): Promise<void> => {
  example = await openExample(name);
  stack = await makeTestStack({
    originEnv: { DATABASE_URL: database.url },
    edgeVars: Object.fromEntries(Object.entries(edgeVars).map(([variable]) => [variable, example.url])),
  });
};

/** The command that starts Sluice before an example's site. */
const BEFORE_SITE = "UPSTREAM_URL=http://127.0.0.1:3000 npm start\n";

const run = (block: string | undefined): Promise<string> => {
  if (block === undefined) throw new Error("the README has no such block");
  return example.run(block, { edge: stack.edge.url, origin: stack.origin.url }, stack.secrets.adminToken);
};

type Signals = { cohorts: Record<"treatment" | "holdout", { exposed: number }>; latest: unknown };
/** What the README's own command prints. */
const signals = async (block: string | undefined): Promise<Signals> =>
  JSON.parse(await run(block)) as Signals;

const actedUnits = async (featureId: string): Promise<number> => {
  const { rows } = await database.pool.query<{ units: number }>(
    "select count(*) as units from user_actions where feature_id = $1",
    [featureId],
  );
  return rows[0]?.units ?? 0;
};

beforeEach(async () => {
  database = await makeTestDatabase();
});
afterEach(async () => {
  await stack.stop();
  await example.stop();
  await database.drop();
});

describe("the plain Node site", () => {
  /** A first visit, and the visitor's cookie. */
  const visit = async (): Promise<{ page: string; cookie: string }> => {
    const response = await fetch(stack.edge.url, { headers: { "user-agent": CHROME, accept: "text/html" } });
    const cookie = response.headers
      .getSetCookie()
      .map((line) => line.split(";", 1)[0])
      .join("; ");
    return { page: await response.text(), cookie };
  };

  test("treatment sees the search form, orders are counted, and a rollback takes the form away", async () => {
    await open("node-site", { UPSTREAM_URL: "" });
    const [start, before, make, ask, close] = example.blocks;
    expect(before).toBe(BEFORE_SITE);
    await example.start(start ?? "");
    await run(make);
    await eventually(async () => (await visit()).cookie !== "");

    const visits = await Promise.all(Array.from({ length: 20 }, visit));
    const withForm = visits.filter(({ page }) => page.includes("<input"));
    expect(withForm.length).toBeGreaterThan(0);
    expect(withForm.length).toBeLessThan(20);
    for (const { cookie } of visits.slice(0, 5)) {
      const order = await fetch(`${stack.edge.url}/orders`, {
        method: "POST",
        headers: { "user-agent": CHROME, cookie },
        redirect: "manual",
      });
      expect(order.status).toBe(303);
    }

    await eventually(async () => (await actedUnits("feat_new_search")) === 5);
    const { cohorts } = await signals(ask);
    expect(cohorts.treatment.exposed).toBeGreaterThanOrEqual(withForm.length);
    expect(cohorts.holdout.exposed).toBeGreaterThan(0);

    await run(close);
    const again = async () => {
      const response = await fetch(stack.edge.url, {
        headers: { "user-agent": CHROME, cookie: withForm[0]?.cookie ?? "" },
      });
      return response.text();
    };
    await eventually(async () => !(await again()).includes("<input"));
  });
});

describe("the Express app with OpenTelemetry", { timeout: WITH_INSTALL_MS }, () => {
  test("its spans tell the origin who met the feature and who bought something", async () => {
    await open("express-opentelemetry");
    const [before, make, start, use, ask] = example.blocks;
    expect(before).toBe("npm start\n");
    await run(make);
    await example.start(start ?? "", {
      SLUICE_EDGE_URL: stack.edge.url,
      SLUICE_ORIGIN_URL: stack.origin.url,
      INGEST_TOKEN: stack.secrets.ingestToken,
      SERVER_KEY: firstSecret(stack.secrets.serverKeys),
    });
    expect(await run(use)).toBe(
      [
        '["So What","Freddie Freeloader","Blue in Green"]',
        '["Blue in Green","Freddie Freeloader","So What"]',
        '{"bought":true}',
      ].join(""),
    );
    await eventually(async () => {
      const { cohorts } = await signals(ask);
      return cohorts.treatment.exposed === 1 && cohorts.holdout.exposed === 1;
    });
    await eventually(async () => (await actedUnits("feat_new_ranking")) === 1);
  });
});

describe("the page with the OpenFeature web SDK", { timeout: WITH_INSTALL_MS }, () => {
  let browser: Browser;
  beforeEach(async () => {
    browser = await startBrowser();
  });
  afterEach(() => browser.close());

  test("treatment sees the forecast, a click counts as activation, and a rollback hides it in the open page", async () => {
    await open("openfeature-page", { UPSTREAM_URL: "" });
    const [start, before, make, ask, close] = example.blocks;
    expect(before).toBe(BEFORE_SITE);
    await example.start(start ?? "");
    await run(make);

    const openAsNewVisitor = async () => {
      const page = await (await browser.newContext({ userAgent: CHROME })).newPage();
      await page.goto(stack.edge.url);
      await page.waitForFunction("document.querySelector('#status').textContent !== ''");
      return { page, text: await page.textContent("#status") };
    };
    await eventually(async () => /treatment|holdout/.test((await openAsNewVisitor()).text ?? ""));
    const find = async (text: string) => {
      for (;;) {
        const { page, text: shown } = await openAsNewVisitor();
        if (shown === text) return page;
      }
    };
    const heldOut = await find("feat_week: false (holdout, SPLIT)");
    expect(await heldOut.isVisible("#week")).toBe(false);
    const treated = await find("feat_week: true (treatment, SPLIT)");
    expect(await treated.isVisible("#week")).toBe(true);

    await treated.click("#remind");
    await eventually(async () => (await actedUnits("feat_week")) === 1);
    expect((await signals(ask)).cohorts.treatment.exposed).toBeGreaterThan(0);

    await run(close);
    await treated.waitForSelector("#week", { state: "hidden" });
  });
});
