// The shop as a hono app: request → visit (cohorts, cart) → page. It knows nothing of Sluice but one request header.
import { type Context, Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { addToCart, readCart, writeCart } from "./cart.ts";
import { findProduct, type Product } from "./catalogue.ts";
import { isTreated, readCohorts, SMART_RECOMMENDATIONS } from "./features.ts";
import { STYLESHEET, STYLESHEET_PATH, type Visit } from "./layout.ts";
import { cartPage, listPage, missingPage, productPage, thanksPage } from "./pages.ts";
import { lookUpRecommendations, type RecommendationSettings } from "./recommendations.ts";

interface ShopParts {
  readonly settings: () => RecommendationSettings;
  readonly wait: (ms: number) => Promise<unknown>;
  readonly random: () => number;
  readonly control: ((c: Context) => Promise<Response>) | undefined;
}

/** The shop's `Server` header, by which the demo knows it behind an edge. */
export const SHOP_NAME = "sluice-demo-shop";

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#a8492a"/><path d="M7 15h18c0 6-4 10-9 10s-9-4-9-10z" fill="#fff"/></svg>`;

const COOKIE = { path: "/", httpOnly: true, sameSite: "Lax" } as const;

const visitOf = (c: Context): Visit => ({
  cohorts: readCohorts(c.req.header("sluice-features")),
  cart: readCart(getCookie(c, "cart")),
});

/** The product that a form names, if the shop has it. */
const namedProduct = async (c: Context): Promise<Product | undefined> => {
  const { product } = await c.req.parseBody();
  return typeof product === "string" ? findProduct(product) : undefined;
};

export const makeRoutes = ({ settings, wait, random, control }: ShopParts): Hono => {
  const recommend = async (visit: Visit, product?: Product) =>
    isTreated(visit.cohorts, SMART_RECOMMENDATIONS)
      ? await lookUpRecommendations({ settings: settings(), product, wait, random })
      : undefined;

  const app = new Hono();

  app.use(async (c, next) => {
    c.header("server", SHOP_NAME);
    await next();
  });

  app.get(STYLESHEET_PATH, (c) =>
    c.body(STYLESHEET, 200, {
      "content-type": "text/css; charset=utf-8",
      "cache-control": "public, max-age=31536000, immutable",
    }),
  );
  app.get("/icon.svg", (c) =>
    c.body(ICON, 200, { "content-type": "image/svg+xml", "cache-control": "public, max-age=86400" }),
  );
  if (control) app.post("/control", control);

  // A page depends on the visitor's cohorts and cart: nobody may keep it for another visitor.
  // Set before the page is made: afterwards hono would build the answer anew.
  app.use(async (c, next) => {
    c.header("cache-control", "private, no-store");
    await next();
  });

  app.get("/", async (c) => {
    const visit = visitOf(c);
    return c.html(listPage({ visit, recommendations: await recommend(visit) }));
  });

  app.get("/products/:slug", async (c) => {
    const visit = visitOf(c);
    const product = findProduct(c.req.param("slug"));
    if (!product) return c.html(missingPage(visit), 404);
    return c.html(productPage({ product, visit, recommendations: await recommend(visit, product) }));
  });

  app.get("/cart", (c) => c.html(cartPage(visitOf(c))));

  app.post("/cart", async (c) => {
    const product = await namedProduct(c);
    if (product) setCookie(c, "cart", writeCart(addToCart(visitOf(c).cart, product)), COOKIE);
    return c.redirect("/cart", 303);
  });

  app.post("/checkout", async (c) => {
    const product = await namedProduct(c);
    const order = product ? [{ product, quantity: 1 }] : visitOf(c).cart;
    if (order.length === 0) return c.redirect("/cart", 303);
    setCookie(c, "order", writeCart(order), COOKIE);
    // One click buys one thing and leaves the cart alone.
    if (!product) deleteCookie(c, "cart", { path: "/" });
    return c.redirect("/thanks", 303);
  });

  app.get("/thanks", (c) =>
    c.html(thanksPage({ visit: visitOf(c), order: readCart(getCookie(c, "order")) })),
  );

  app.notFound((c) => c.html(missingPage(visitOf(c)), 404));
  return app;
};
