// The OpenAPI document, and a page at /docs to read and try it. The page's files are Swagger UI's own, from this origin:
// nothing is loaded from elsewhere.
import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import { etag } from "hono/etag";
import { isBuilt } from "../runtime/place.ts";
import { configSchema } from "./documents/config-schema.ts";

const FILES = [
  { name: "swagger-ui.css", type: "text/css" },
  { name: "swagger-ui-bundle.js", type: "text/javascript" },
];

/** The package brings these files along: Swagger UI's own would have an install script that reports installations. */
const urlOf = (name: string): URL =>
  isBuilt
    ? new URL(`swagger-ui/${name}`, import.meta.url)
    : new URL(import.meta.resolve(`swagger-ui-dist/${name}`));

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice: admin API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="reference"></main>
<noscript>This page needs JavaScript. <a href="/openapi.json">The OpenAPI document</a> does not.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/reference.js"></script>
</body>
</html>
`;

const SCRIPT = `// Whoever is signed in needs no token here; a change brings what the API asks of a page.
const me = fetch("/admin/v1/me").then((answer) => (answer.ok ? answer.json() : null), () => null);
SwaggerUIBundle({
  requestInterceptor: async (request) => {
    const csrfToken = (await me)?.session?.csrfToken;
    if (csrfToken !== undefined && request.headers.Authorization === undefined)
      request.headers["X-Sluice-Csrf"] = csrfToken;
    return request;
  },
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
`;

/** Swagger UI sets styles on its elements. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Makes the text when somebody asks for it, and keeps it: most origins are never asked. */
const textOf = (make: () => object): (() => string) => {
  let text: string | undefined;
  return () => (text ??= JSON.stringify(make()));
};

export const makeReferencePage = (document: () => object): Hono => {
  const app = new Hono();
  const schema = textOf(configSchema);
  const api = textOf(document);
  app.use(
    "/docs/*",
    async (context, next) => {
      await next();
      context.header("content-security-policy", PAGE_POLICY);
    },
    etag(),
  );
  app.get("/openapi.json", etag(), (context) =>
    context.body(api(), 200, { "content-type": "application/json" }),
  );
  // An editor may fetch it from another place, such as a page that edits YAML.
  app.get("/schemas/sluice-config.json", etag(), (context) =>
    context.body(schema(), 200, {
      "content-type": "application/schema+json",
      "access-control-allow-origin": "*",
    }),
  );
  app.get("/docs", (context) => context.redirect("/docs/"));
  app.get("/docs/", (context) => context.html(PAGE));
  app.get("/docs/reference.js", (context) =>
    context.body(SCRIPT, 200, { "content-type": "text/javascript; charset=utf-8" }),
  );
  for (const { name, type } of FILES)
    app.get(`/docs/${name}`, async (context) =>
      context.body(await readFile(urlOf(name), "utf8"), 200, { "content-type": `${type}; charset=utf-8` }),
    );
  return app;
};
