// Sluice's own routes, under /.sluice. Every other request is a visitor's and does not come here.
import { Hono } from "hono";

type Routes = {
  readonly health: Hono;
  /** `/explain` and `/overlay` */
  readonly explain: Hono;
  readonly preview: Hono;
  readonly push: Hono;
  readonly events: Hono;
  readonly ofrep: Hono;
  readonly elements: Hono;
  /** null: no captcha is configured. */
  readonly captcha: Hono | null;
};

export const makeApp = ({
  health,
  explain,
  preview,
  push,
  events,
  ofrep,
  elements,
  captcha,
}: Routes): Hono => {
  const app = new Hono().basePath("/.sluice");
  app.use(async (c, next) => {
    await next();
    if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
  });
  app.route("/health", health);
  app.route("/", explain);
  app.route("/preview", preview);
  app.route("/push", push);
  app.route("/events", events);
  app.route("/ofrep", ofrep);
  app.route("/", elements);
  if (captcha !== null) app.route("/captcha", captcha);
  app.notFound((c) => c.json({ title: "Not Found", status: 404 }, 404));
  return app;
};
