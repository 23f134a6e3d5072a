// The routes that the code serves, as patterns for the ways in which pages write them: `/admin/v1/features/{featureId}`,
// `…/features/:featureId` or `…/features/feat_new_search`.
import { makeApp } from "../../edge/routes/app.ts";
import { makeCaptchaRoute } from "../../edge/routes/captcha.ts";
import { makeElementsRoutes } from "../../edge/routes/elements.ts";
import { makeEventsRoute } from "../../edge/routes/events.ts";
import { makeExplainRoutes } from "../../edge/routes/explain.ts";
import { makeHealthRoute } from "../../edge/routes/health.ts";
import { makeOfrepRoutes } from "../../edge/routes/ofrep/routes.ts";
import { makePreviewRoute } from "../../edge/routes/preview.ts";
import { makePushRoute } from "../../edge/routes/push.ts";
import { makeAdminApi } from "../../origin/admin/admin-api.ts";
import { makeSignInApp } from "../../origin/sign-in/sign-in-app.ts";

/** Only the routes are asked for, so nothing behind them is needed. */
const unused = new Proxy({}, { get: () => () => undefined }) as never;

const admin = makeAdminApi({
  access: unused,
  idempotentAnswers: unused,
  features: unused,
  segments: unused,
  segmentChanges: unused,
  changes: unused,
  approvals: unused,
  schedules: unused,
  annotations: unused,
  forgetUnit: unused,
  previewLinks: unused,
  evaluation: unused,
  delivery: unused,
  notifications: unused,
  health: unused,
  hooks: unused,
  stopping: unused,
  sessions: unused,
  cookies: unused,
  publicUrl: unused,
  limits: unused,
  log: unused,
});
const signIn = makeSignInApp(unused, unused);
const edge = makeApp({
  health: makeHealthRoute(unused),
  explain: makeExplainRoutes(unused),
  preview: makePreviewRoute(unused),
  push: makePushRoute(unused),
  events: makeEventsRoute(unused),
  ofrep: makeOfrepRoutes(unused),
  elements: makeElementsRoutes(unused),
  captcha: makeCaptchaRoute(unused).route,
});

const paths = [
  ...admin.routes.routes.map(({ path }) => `/admin/v1${path}`),
  ...signIn.routes.map(({ path }) => path),
  ...edge.routes.map(({ path }) => path),
  "/v1/traces",
  "/v1/logs",
  "/v1/metrics",
].filter((path) => !path.includes("*"));

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/:\w+(?:\{[^}]*\})?/g, "[^/]+")}$`);

export const routesInCode: readonly RegExp[] = paths.map(patternOf);
