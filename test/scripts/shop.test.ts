import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { PRODUCTS } from "../../scripts/shop/catalogue.ts";
import { readCohorts } from "../../scripts/shop/features.ts";
import { startShop } from "../../scripts/shop/start.ts";

const controlToken = "a token for tests";
const shop = await startShop({ port: 0, controlToken });
afterAll(() => shop.stop());
beforeEach(() => {
  shop.setRecommendations({ delayMs: 0, useful: true });
});

const RECOMMENDATIONS = 'data-feature="feat_smart_recs_v1"';
const EXPRESS = 'data-feature="feat_express_checkout"';

const load = async (path: string, headers: Record<string, string> = {}): Promise<string> => {
  const response = await fetch(new URL(path, shop.url), { headers });
  expect(response.status).toBe(200);
  return response.text();
};

const post = (path: string, form: Record<string, string>, cookie?: string): Promise<Response> =>
  fetch(new URL(path, shop.url), {
    method: "POST",
    body: new URLSearchParams(form),
    redirect: "manual",
    headers: cookie === undefined ? {} : { cookie },
  });

const control = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(new URL("/control", shop.url), {
    method: "POST",
    body: JSON.stringify(body),
    headers: {
      authorization: `Bearer ${controlToken}`,
      "content-type": "application/json",
      ...headers,
    },
  });

const cookiePair = (response: Response, name: string): string =>
  response.headers
    .getSetCookie()
    .map((line) => line.split(";")[0] ?? "")
    .find((pair) => pair.startsWith(`${name}=`)) ?? "";

describe("features", () => {
  test.each(["/", "/products/salt-mug"])("without a header %s shows no feature", async (path) => {
    const page = await load(path);
    expect(page).not.toContain("data-feature");
    expect(page).toContain("No feature was announced");
  });

  test.each(["/", "/products/salt-mug"])(
    "the treatment of smart recommendations shows on %s",
    async (path) => {
      const page = await load(path, { "Sluice-Features": "feat_smart_recs_v1=treatment" });
      expect(page).toContain(`${RECOMMENDATIONS} data-quality="good"`);
      expect(page).not.toContain(EXPRESS);
    },
  );

  test("the treatment of express checkout puts a one-click button on the product page only", async () => {
    const headers = { "Sluice-Features": "feat_express_checkout=treatment" };
    expect(await load("/products/salt-mug", headers)).toContain(EXPRESS);
    expect(await load("/", headers)).not.toContain(EXPRESS);
  });

  test("a holdout is shown nothing, and the badge says that it is one", async () => {
    const page = await load("/products/salt-mug", {
      "Sluice-Features": "feat_smart_recs_v1=holdout, feat_express_checkout=holdout",
    });
    expect(page).not.toContain("data-feature");
    expect(page).toContain("feat_smart_recs_v1 <b>holdout</b>");
  });

  test("the badge escapes whatever the header says", async () => {
    const page = await load("/", { "Sluice-Features": "feat_a=<script>alert(1)</script>" });
    expect(page).not.toContain("<script>");
  });

  test.each([
    [undefined, []],
    ["", []],
    [
      "feat_a=treatment, feat_b=holdout",
      [
        ["feat_a", "treatment"],
        ["feat_b", "holdout"],
      ],
    ],
    [" feat_a = treatment ,, broken, =x, feat_c=", [["feat_a", "treatment"]]],
  ])("the header %j is read as %j", (header, pairs) => {
    expect([...readCohorts(header)]).toEqual(pairs);
  });
});

describe("recommendations", () => {
  const headers = { "Sluice-Features": "feat_smart_recs_v1=treatment" };

  test("made useless, they recommend nothing that the shop sells and say so in a mark", async () => {
    shop.setRecommendations({ useful: false });
    const page = await load("/products/salt-mug", headers);
    expect(page).toContain(`${RECOMMENDATIONS} data-quality="poor"`);
    expect(page).not.toContain('href="/products/pour-over"');
  });

  test("made slow, they hold up only the pages that carry them", async () => {
    shop.setRecommendations({ delayMs: 300 });
    const started = performance.now();
    await load("/", headers);
    // Four look-ups of 60 % of their share at least; timers may fire a millisecond early.
    expect(performance.now() - started).toBeGreaterThan(300 * 0.6 - 4);
  });

  test("every product goes with four others that exist", () => {
    const slugs = new Set(PRODUCTS.map((product) => product.slug));
    for (const product of PRODUCTS) {
      expect(new Set(product.goesWith).size).toBe(4);
      expect(product.goesWith).not.toContain(product.slug);
      for (const slug of product.goesWith) expect(slugs).toContain(slug);
    }
  });
});

describe("control", () => {
  test("changes what it names and answers with what is in force", async () => {
    const response = await control({ recommendations: { delayMs: 5 } });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ recommendations: { delayMs: 5, useful: true } });
  });

  test.each([
    [{ recommendations: { delayMs: -1 } }],
    [{ recommendations: { delay: 1 } }],
    [{ recommendations: { useful: "no" } }],
    [{}],
  ])("refuses %j", async (body) => {
    const response = await control(body);
    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
  });

  test.each(["", "Bearer ", "Bearer wrong"])(
    "refuses the token %j, since visitors through a gate on this machine also come from it",
    async (authorization) => {
      expect((await control({ recommendations: { useful: false } }, { authorization })).status).toBe(401);
      expect(shop.setRecommendations({}).useful).toBe(true);
    },
  );

  test("is not there when the shop was started without a token", async () => {
    const plain = await startShop({ port: 0 });
    const response = await fetch(new URL("/control", plain.url), {
      method: "POST",
      headers: { authorization: "Bearer undefined", "content-type": "application/json" },
      body: "{}",
    });
    expect(response.status).toBe(404);
    await plain.stop();
  });

  test("refuses what is not announced as JSON", async () => {
    expect((await control({ recommendations: {} }, { "content-type": "text/plain" })).status).toBe(415);
  });
});

describe("buying", () => {
  test("a product goes into the cart, through the checkout and onto the page of thanks", async () => {
    const added = await post("/cart", { product: "salt-mug" });
    expect([added.status, added.headers.get("location")]).toEqual([303, "/cart"]);
    const again = await post("/cart", { product: "salt-mug" }, cookiePair(added, "cart"));
    const cart = cookiePair(again, "cart");
    expect(await load("/cart", { cookie: cart })).toContain("× 2");

    const ordered = await post("/checkout", { name: "Ada" }, cart);
    expect([ordered.status, ordered.headers.get("location")]).toEqual([303, "/thanks"]);
    expect(ordered.headers.getSetCookie()).toHaveLength(2);
    expect(await load("/thanks", { cookie: cookiePair(ordered, "order") })).toMatch(/2 × Salt mug:\s+€ 48/);
  });

  test("one click orders one product and leaves the cart as it was", async () => {
    const ordered = await post("/checkout", { product: "oak-board" }, "cart=salt-mug.1");
    expect([ordered.status, ordered.headers.get("location")]).toEqual([303, "/thanks"]);
    expect(cookiePair(ordered, "order")).toBe("order=oak-board.1");
    expect(cookiePair(ordered, "cart")).toBe("");
  });

  test("an empty cart cannot be ordered", async () => {
    const ordered = await post("/checkout", {});
    expect([ordered.status, ordered.headers.get("location")]).toEqual([303, "/cart"]);
  });

  test.each(["nonsense", "salt-mug.-3", "salt-mug.1e9.x", "no-such-thing.1", "~~"])(
    "the cart cookie %j does no harm",
    async (value) => {
      await load("/cart", { cookie: `cart=${value}` });
    },
  );
});

describe("pages", () => {
  test("load nothing from elsewhere and need no script", async () => {
    for (const path of ["/", "/products/evening-lamp", "/cart", "/thanks"]) {
      const page = await load(path);
      expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
      expect(page).not.toContain("<script");
      const sheet = /href="(\/shop\.[0-9a-f]+\.css)"/.exec(page)?.[1] ?? "";
      expect(await load(sheet)).toContain("prefers-color-scheme");
    }
  });

  test("are never kept by a shared cache", async () => {
    const response = await fetch(shop.url);
    expect(response.headers.get("cache-control")).toBe("private, no-store");
  });

  test.each(["/products/no-such-thing", "/nowhere"])("%s is a 404 that looks like the shop", async (path) => {
    const response = await fetch(new URL(path, shop.url));
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("Morrow");
  });
});

test("a port that is taken is an error, and a stopped shop frees its port", async () => {
  const first = await startShop({ port: 0 });
  await expect(startShop({ port: first.port })).rejects.toThrow("EADDRINUSE");
  await fetch(first.url);
  await first.stop();
  const second = await startShop({ port: first.port });
  await second.stop();
});
