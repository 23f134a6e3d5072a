// The OpenAPI document and its page, for people without a token.
import { afterAll, expect, test } from "vitest";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { app, document } = makeAdminApp({ pool: database.pool });

test("/openapi.json is the document, and is not sent again to whoever has it", async () => {
  const first = await app.request("/openapi.json");
  expect(await first.json()).toEqual(JSON.parse(JSON.stringify(document)));
  const etag = first.headers.get("etag") ?? "";
  expect((await app.request("/openapi.json", { headers: { "if-none-match": etag } })).status).toBe(304);
});

test("/docs loads its parts from the origin alone, and allows no others", async () => {
  expect((await app.request("/docs")).headers.get("location")).toBe("/docs/");
  const page = await app.request("/docs/");
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'; script-src 'self'");
  const parts = [...(await page.text()).matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url ?? "");
  expect(parts.length).toBeGreaterThan(3);
  for (const part of parts) {
    expect(part).toMatch(/^\//);
    expect((await app.request(part)).status).toBe(200);
  }
  expect((await app.request("/docs/../package.json")).status).toBe(404);
});
