// Page events: what a page may tell about its own visitor, and what nobody may.
import { beforeAll, expect, test, vi } from "vitest";
import { cookieOf, echoed, edge, feature, headerOf, push, recorded } from "./support/edge.ts";

beforeAll(async () => {
  const features = [feature("feat_a"), feature("feat_b"), feature("feat_off", { rolloutBps: 0 })];
  await push({ revision: 1, full: true, features });
});

const OWN = { Origin: "http://shop.test", "Content-Type": "text/plain;charset=UTF-8" };

const send = (body: string, headers: Record<string, string> = OWN): Promise<Response> =>
  edge("/.sluice/events", { method: "POST", body, headers });

const activationsOf = async (unit: string): Promise<string[]> =>
  (await recorded(`"${unit}"`))
    .filter(({ url }) => url === "/v1/traces")
    .flatMap(
      ({ body }): { attributes: { key: string; value: { stringValue?: string } }[] }[] =>
        JSON.parse(body).resourceSpans[0].scopeSpans[0].spans,
    )
    .filter(({ attributes }) => {
      const isOwn = attributes.some(({ value }) => value.stringValue === unit);
      return isOwn && attributes.some(({ key }) => key === "action_taken");
    })
    .flatMap(
      ({ attributes }) => attributes.find(({ key }) => key === "feature_flag.key")?.value.stringValue ?? [],
    );

test.each([
  ["of one feature", { type: "activation", featureId: "feat_b" }, ["feat_b"]],
  ["of all that the visitor was exposed to", { type: "activation" }, ["feat_a", "feat_b"]],
])("an activation %s reaches the origin", async (_, event, expected) => {
  const first = await edge("/");
  const unit = headerOf(await echoed(first), "Sluice-Unit") ?? "";
  const response = await send(JSON.stringify(event), { ...OWN, Cookie: cookieOf(first) });
  expect(response.status).toBe(204);
  const told = await vi.waitUntil(async () => {
    const activations = await activationsOf(unit);
    return activations.length >= expected.length ? activations : null;
  }, 10_000);
  expect(told.toSorted()).toEqual(expected);
});

test("an event of another site's page, or of no page, is refused", async () => {
  const event = '{"type":"activation"}';
  expect((await send(event, { Origin: "https://evil.test" })).status).toBe(403);
  expect((await send(event, {})).status).toBe(403);
  expect((await send(event, { "Sec-Fetch-Site": "same-origin" })).status).toBe(204);
});

test.each(["", "x", "{}", '{"type":"purchase"}', '{"type":"activation","featureId":"a b"}'])(
  "%j is refused as no event",
  async (body) => {
    expect((await send(body)).status).toBe(400);
  },
);

test("an event of more than 1,024 bytes is refused", async () => {
  expect((await send("x".repeat(2_000))).status).toBe(413);
});

test("a visitor who sends too many events gets 429, and others do not", async () => {
  const cookie = cookieOf(await edge("/"));
  const statuses: number[] = [];
  for (let i = 0; i < 60; i++)
    statuses.push((await send('{"type":"activation"}', { ...OWN, Cookie: cookie })).status);
  expect(statuses[0]).toBe(204);
  expect(statuses).toContain(429);
  const other = cookieOf(await edge("/"));
  expect((await send('{"type":"activation"}', { ...OWN, Cookie: other })).status).toBe(204);
});
