// Who may do what, over the operations that the OpenAPI document names: a new one is tried without being added here.
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { app, document, request } = makeAdminApp({ pool: database.pool });

const SCOPES = ["ingest", "viewer", "editor", "admin"] as const;
type Scope = (typeof SCOPES)[number];

const post = async (path: string, body: unknown, headers: object = {}) => {
  const response = await request(path, { method: "POST", body: JSON.stringify(body), headers });
  const text = await response.text();
  return { status: response.status, json: text === "" ? {} : JSON.parse(text) };
};

const makeToken = async (fields: object): Promise<{ secret: string; tokenId: string }> => {
  const { status, json } = await post("/tokens", fields);
  expect(status).toBe(201);
  return json;
};

const OpenApi = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        operationId: z.string(),
        security: z.tuple([z.object({ bearer: z.array(z.enum(SCOPES)).optional() })]),
      }),
    ),
  ),
});
const allOperations = Object.entries(OpenApi.parse(JSON.parse(JSON.stringify(document))).paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, security }]) => ({
      operationId,
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, "feat_unknown"),
      needed: security[0].bearer?.[0],
    })),
);
const operations = allOperations.flatMap(({ needed, ...operation }) =>
  needed === undefined ? [] : [{ ...operation, needed }],
);

describe("every operation of the document", () => {
  const tokens = new Map<Scope, string>();
  test.each(operations)(
    "$operationId answers 403 below the scope $needed, and never above it",
    async (operation) => {
      for (const scope of SCOPES) {
        const known = tokens.get(scope);
        const secret = known ?? (await makeToken({ name: `the-${scope}`, scope })).secret;
        tokens.set(scope, secret);
        const response = await request(operation.path, {
          method: operation.method,
          body: operation.method === "GET" ? null : "{}",
          headers: { authorization: `Bearer ${secret}` },
        });
        await response.body?.cancel();
        const may = SCOPES.indexOf(scope) >= SCOPES.indexOf(operation.needed);
        expect({ scope, isForbidden: response.status === 403 }).toEqual({ scope, isForbidden: !may });
      }
    },
  );

  test("needs a token, or the secret of a hook", async () => {
    for (const { method, path } of allOperations)
      expect((await app.request(`/admin/v1${path}`, { method })).status).toBe(401);
    const withoutToken = allOperations.filter(({ needed }) => needed === undefined);
    expect(withoutToken.map(({ operationId }) => operationId)).toEqual(["receiveAlerts"]);
  });
});

describe("a token", () => {
  test("is shown once, and names its holder in the audit", async () => {
    const { secret, tokenId } = await makeToken({ name: "deploy pipeline", scope: "editor" });
    expect(secret).toMatch(/^sluice_[\w-]{43}$/);
    const listed = await (await request("/tokens")).text();
    expect(listed).toContain(tokenId);
    expect(listed).not.toContain(secret);

    const authorization = `Bearer ${secret}`;
    expect((await post("/features", { featureId: "feat_mine" }, { authorization })).status).toBe(201);
    expect(await (await request("/audit?featureId=feat_mine")).json()).toMatchObject({
      entries: [{ actor: "token:deploy pipeline", action: "create" }],
    });
    expect(await (await request("/tokens")).json()).toMatchObject({
      tokens: expect.arrayContaining([expect.objectContaining({ tokenId, lastUsedAt: expect.any(String) })]),
    });
  });

  test("ends when it is revoked, and when it expires", async () => {
    const revoked = await makeToken({ name: "of a colleague who left", scope: "viewer" });
    const as = (secret: string) => request("/features", { headers: { authorization: `Bearer ${secret}` } });
    expect((await as(revoked.secret)).status).toBe(200);
    expect((await request(`/tokens/${revoked.tokenId}`, { method: "DELETE" })).status).toBe(204);
    expect((await as(revoked.secret)).status).toBe(401);
    expect((await request(`/tokens/${revoked.tokenId}`, { method: "DELETE" })).status).toBe(404);

    const expiresAt = new Date(Date.now() + 300).toISOString();
    const short = await makeToken({ name: "for a moment", scope: "viewer", expiresAt });
    expect((await as(short.secret)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await as(short.secret)).status).toBe(401);
  });

  test("has a name of its own as long as it can be used", async () => {
    const first = await makeToken({ name: "ci", scope: "editor" });
    expect((await post("/tokens", { name: "ci", scope: "viewer" })).status).toBe(409);
    await request(`/tokens/${first.tokenId}`, { method: "DELETE" });
    await makeToken({ name: "ci", scope: "viewer" });
  });

  test.each([
    [{ scope: "viewer" }, "name"],
    [{ name: " ", scope: "viewer" }, "name"],
    [{ name: "x", scope: "owner" }, "scope"],
    [{ name: "x", scope: "viewer", tags: [] }, "tags"],
    [{ name: "x", scope: "viewer", expiresAt: "2020-01-01T00:00:00Z" }, "expiresAt"],
    [{ name: "x", scope: "viewer", expiresAt: "soon" }, "expiresAt"],
    [{ name: "a\u0000b", scope: "viewer" }, "name"],
  ])("%j is refused by its field", async (body, field) => {
    const { status, json } = await post("/tokens", body);
    expect(status).toBe(400);
    expect(json.errors).toEqual([expect.objectContaining({ field })]);
  });
});

describe("a token of some tags", () => {
  test("is told who it is and what it may do", async () => {
    const { secret } = await makeToken({ name: "search team", scope: "editor", tags: ["search"] });
    const response = await request("/me", { headers: { authorization: `Bearer ${secret}` } });
    expect(await response.json()).toMatchObject({
      actor: "token:search team",
      scope: "editor",
      tags: ["search"],
    });
  });

  test("changes features with one of them, and reads all", async () => {
    const { secret } = await makeToken({ name: "checkout team", scope: "editor", tags: ["checkout"] });
    const own = { authorization: `Bearer ${secret}` };
    await post("/features", { featureId: "feat_theirs", tags: ["search"] });
    const refused = [
      await post("/features", { featureId: "feat_untagged" }, own),
      await post("/features/feat_theirs/rollback", { reason: "not ours" }, own),
      await post("/features/feat_theirs/ramp", { paused: true, reason: "not ours" }, own),
      await post("/rollback", { tag: "search", reason: "not ours" }, own),
    ];
    for (const { status, json } of refused)
      expect({ status, tags: json.tags }).toEqual({ status: 403, tags: ["checkout"] });
    expect((await request("/features/feat_theirs", { headers: own })).status).toBe(200);

    const made = await post("/features", { featureId: "feat_ours", enabled: true, tags: ["checkout"] }, own);
    expect(made.status).toBe(201);
    const untag = await request("/features/feat_ours", {
      method: "PUT",
      body: JSON.stringify({ tags: ["search"] }),
      headers: { ...own, "if-match": '"1"' },
    });
    expect(untag.status).toBe(403);
    expect((await post("/rollback", { tag: "checkout", reason: "ours" }, own)).json.features).toHaveLength(1);
  });
});
