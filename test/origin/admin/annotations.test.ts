// Annotations on a real database: who may mark what, and which marks a feature's charts get.
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.servicePool });

const send = async (method: string, path: string, body?: unknown, token = "") => {
  const response = await request(path, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: token === "" ? {} : { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  const json: Record<string, unknown> = text === "" ? {} : JSON.parse(text);
  return { status: response.status, json };
};
const Listed = z.object({ annotations: z.array(z.looseObject({ title: z.string() })) });
const titlesOf = async (query: string): Promise<string[]> =>
  Listed.parse((await send("GET", `/annotations?${query}`)).json).annotations.map(({ title }) => title);

beforeAll(async () => {
  await send("POST", "/features", { featureId: "feat_shop", tags: ["shop"] });
  await send("POST", "/features", { featureId: "feat_search", tags: ["search"] });
});

test("a feature's charts get what is about all, about it or about one of its tags, the newest first", async () => {
  const made = [
    { title: "deploy of all", at: "2026-11-01T10:00:00Z" },
    { title: "deploy of the shop", at: "2026-11-02T12:00:00+02:00", tags: ["shop"] },
    { title: "a campaign", at: "2026-11-03T10:00:00Z", features: ["feat_shop"] },
    { title: "deploy of the search", at: "2026-11-04T10:00:00Z", tags: ["search"] },
  ];
  for (const each of made) expect((await send("POST", "/annotations", each)).status).toBe(201);
  expect(await titlesOf("featureId=feat_shop")).toEqual([
    "a campaign",
    "deploy of the shop",
    "deploy of all",
  ]);
  expect(await titlesOf("featureId=feat_search")).toEqual(["deploy of the search", "deploy of all"]);
  expect(await titlesOf("featureId=feat_shop&since=2026-11-02T10:00:00Z&until=2026-11-02T10:00:00Z")).toEqual(
    ["deploy of the shop"],
  );
  expect((await send("GET", "/annotations?featureId=feat_none")).status).toBe(404);
});

test("it keeps who marked it and is about now unless it says otherwise", async () => {
  const before = Date.now();
  const { json } = await send("POST", "/annotations", { title: "now", link: "https://ci.example/1" });
  expect(json).toMatchObject({ madeBy: "admin", link: "https://ci.example/1", tags: [], features: [] });
  expect(Math.abs(Date.parse(String(json["at"])) - before)).toBeLessThan(60_000);
  expect((await send("DELETE", `/annotations/${String(json["annotationId"])}`)).status).toBe(204);
  expect((await send("DELETE", `/annotations/${String(json["annotationId"])}`)).status).toBe(404);
  expect(await titlesOf("")).not.toContain("now");
});

test.each([
  [{}, "title"],
  [{ title: "  " }, "title"],
  [{ title: "a", at: "yesterday" }, "at"],
  [{ title: "a", at: "2999-01-01T00:00:00Z" }, "at"],
  [{ title: "a", link: "javascript:alert(1)" }, "link"],
  [{ title: "a", features: ["feat_none"] }, "features.0"],
])("%j is refused, and the answer names the field", async (body, field) => {
  const refused = await send("POST", "/annotations", body);
  expect(refused).toMatchObject({ status: 400, json: { errors: [{ field }] } });
});

test("a token of some tags marks those and features with one of them, and nothing else", async () => {
  const { json } = await send("POST", "/tokens", { name: "shop ci", scope: "editor", tags: ["shop"] });
  const token = String(json["secret"]);
  const mark = async (about: object) =>
    (await send("POST", "/annotations", { title: "a deploy", ...about }, token)).status;
  expect(await mark({ tags: ["shop"] })).toBe(201);
  expect(await mark({ features: ["feat_shop"] })).toBe(201);
  expect(await mark({})).toBe(403);
  expect(await mark({ tags: ["shop", "search"] })).toBe(403);
  expect(await mark({ features: ["feat_shop", "feat_search"] })).toBe(403);
  const all = await send("POST", "/annotations", { title: "of all" });
  expect(
    (await send("DELETE", `/annotations/${String(all.json["annotationId"])}`, undefined, token)).status,
  ).toBe(403);
});

test("what is older than 400 days is forgotten with the next one", async () => {
  await send("POST", "/annotations", { title: "long ago", at: "2024-01-01T00:00:00Z" });
  expect(await titlesOf("until=2024-06-01T00:00:00Z")).toEqual(["long ago"]);
  await send("POST", "/annotations", { title: "today" });
  expect(await titlesOf("until=2024-06-01T00:00:00Z")).toEqual([]);
});
