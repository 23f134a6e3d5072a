// Preview links by the admin API: who may make one, and what they are refused for.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KeyRing } from "../../../shared/signing/key-ring.ts";
import { parsePreview } from "../../../shared/signing/preview.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const pool = database.servicePool;
const withKeys = makeAdminApp({
  pool,
  previewKeys: KeyRing.parse(`k1:${randomBytes(32).toString("base64")}`),
});
const without = makeAdminApp({ pool });

const send = async (
  { request }: typeof withKeys,
  method: string,
  path: string,
  body?: unknown,
  token = "",
) => {
  const response = await request(path, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: token === "" ? {} : { authorization: `Bearer ${token}` },
  });
  const json: Record<string, unknown> = JSON.parse(await response.text());
  return { status: response.status, json };
};
const site = "https://shop.example";

beforeAll(async () => {
  await send(without, "POST", "/features", { featureId: "feat_a", tags: ["shop"] });
});

test("a link is for this feature and its epoch, begins where it was asked to, and expires", async () => {
  const body = { site, to: "/checkout", minutes: 30 };
  const { status, json } = await send(withKeys, "POST", "/features/feat_a/preview", body);
  expect(status).toBe(201);
  const url = new URL(String(json["url"]));
  expect([url.origin, url.pathname, url.searchParams.get("to")]).toEqual([
    site,
    "/.sluice/preview",
    "/checkout",
  ]);
  const preview = parsePreview(url.searchParams.get("token") ?? "");
  expect(preview).toMatchObject({ featureId: "feat_a", epoch: 1, kid: "k1" });
  expect(Math.abs((preview?.expires ?? 0) - Date.now() / 1_000 - 1_800)).toBeLessThan(60);
});

test.each([
  [{ site, to: "//evil.example" }, "to"],
  [{ site, minutes: 10_081 }, "minutes"],
  [{ site: "ftp://shop.example" }, "site"],
  [{}, "site"],
])("%j is refused, and the answer names the field", async (body, field) => {
  const refused = await send(withKeys, "POST", "/features/feat_a/preview", body);
  expect(refused).toMatchObject({ status: 400, json: { errors: [{ field }] } });
});

test("without keys the answer says where links are made", async () => {
  expect((await send(without, "GET", "/features/feat_a/preview")).json).toMatchObject({ isAvailable: false });
  expect((await send(withKeys, "GET", "/features/feat_a/preview")).json).toMatchObject({ isAvailable: true });
  const refused = await send(without, "POST", "/features/feat_a/preview", { site });
  expect(refused).toMatchObject({ status: 404, json: { detail: expect.stringContaining("PREVIEW_KEYS") } });
});

test("a token of other tags makes none", async () => {
  const made = await send(without, "POST", "/tokens", { name: "search", scope: "editor", tags: ["search"] });
  const refused = await send(
    withKeys,
    "POST",
    "/features/feat_a/preview",
    { site },
    String(made.json["secret"]),
  );
  expect(refused.status).toBe(403);
});
