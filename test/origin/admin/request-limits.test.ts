// Who asks too often is told when to come again, and nobody else notices.
import { Hono } from "hono";
import { afterAll, expect, test } from "vitest";
import { makeRequestLimits } from "../../../origin/runtime/request-limits.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.pool });

const withToken = (token: string) => request("/features", { headers: { authorization: `Bearer ${token}` } });

test("thirty wrong tokens a minute from one address, and a token that is in use gets through all the same", async () => {
  const made: { secret: string } = JSON.parse(
    await (
      await request("/tokens", {
        method: "POST",
        body: JSON.stringify({ name: "of on-call", scope: "viewer" }),
      })
    ).text(),
  );
  expect((await withToken(made.secret)).status).toBe(200);
  const guesses = await Promise.all(Array.from({ length: 30 }, (_, i) => withToken(`sluice_guess${i}`)));
  expect(new Set(guesses.map(({ status }) => status))).toEqual(new Set([401]));
  const next = await withToken("sluice_guess");
  expect(next.status).toBe(429);
  expect(Number(next.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await withToken(made.secret)).status).toBe(200);
  expect((await request("/features")).status).toBe(200);
});

test("a token that was made while others tried wrong ones can be used at once", async () => {
  const made: { secret: string } = JSON.parse(
    await (
      await request("/tokens", {
        method: "POST",
        body: JSON.stringify({ name: "brand new", scope: "viewer" }),
      })
    ).text(),
  );
  expect((await withToken("sluice_guess")).status).toBe(429);
  expect((await withToken(made.secret)).status).toBe(200);
});

test("a token makes 6,000 requests a minute, and others make theirs beside it", async () => {
  const limits = makeRequestLimits();
  const app = new Hono().get("/:actor", async (context) => {
    const refusal = await limits.ofPrincipal(context, context.req.param("actor"));
    return refusal ?? context.text("ok");
  });
  const statusOf = async (actor: string): Promise<number> => (await app.request(`/${actor}`)).status;
  const statuses = new Map<number, number>();
  for (let i = 0; i < 6_050; i += 1) {
    const status = await statusOf("token:in-a-loop");
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect([...statuses]).toEqual([
    [200, 6_000],
    [429, 50],
  ]);
  expect(await statusOf("token:another")).toBe(200);
});
