// The way of a command line to a token: a person agrees in a browser, and the code is good for that command line alone.
import { createHash, randomBytes } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { adminToken, makeAdminApp, PUBLIC_URL } from "../../support/admin-app.ts";
import { makeBrowserClient, type BrowserClient } from "../../support/browser-client.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { app, request } = makeAdminApp({ pool: database.servicePool });

const random = (): string => randomBytes(32).toString("base64url");
const challengeOf = (verifier: string): string => createHash("sha256").update(verifier).digest("base64url");

const signedIn = async (): Promise<BrowserClient> => {
  const made = await request("/sign-in-links", { method: "POST" });
  const { code } = z.object({ code: z.string() }).parse(await made.json());
  const browser = makeBrowserClient(app, PUBLIC_URL);
  expect((await browser.submit(`/auth/link/${code}`, {})).status).toBe(303);
  return browser;
};
const asked = (fields: Record<string, string> = {}) => ({
  port: "40000",
  challenge: challengeOf("x".repeat(43)),
  state: random(),
  machine: "a laptop",
  ...fields,
});
const csrfOf = async (browser: BrowserClient): Promise<string> =>
  z
    .object({ session: z.object({ csrfToken: z.string() }) })
    .parse(await (await browser.get("/admin/v1/me")).json()).session.csrfToken;
const agree = async (browser: BrowserClient, fields: Record<string, string>) =>
  browser.submit("/auth/cli", { ...fields, csrf: await csrfOf(browser) });
const redeem = async (fields: Record<string, string>) =>
  app.request("/auth/cli/token", {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  });
const codeOf = async (verifier: string): Promise<string> => {
  const answer = await agree(await signedIn(), asked({ challenge: challengeOf(verifier) }));
  return new URL(answer.headers.get("location") ?? "").searchParams.get("code") ?? "";
};

describe("a person who agrees", () => {
  test("sends the code to a port of their own machine, and it is worth a token of theirs for a week", async () => {
    const browser = await signedIn();
    const verifier = random();
    const fields = asked({ challenge: challengeOf(verifier) });
    const page = await browser.get(`/auth/cli?${new URLSearchParams(fields).toString()}`);
    expect(await page.text()).toContain("a laptop");
    expect(page.headers.get("content-security-policy")).toContain(
      "form-action 'self' http://127.0.0.1:40000",
    );
    const answer = await agree(browser, fields);
    const to = new URL(answer.headers.get("location") ?? "");
    expect({ host: to.host, path: to.pathname, state: to.searchParams.get("state") }).toEqual({
      host: "127.0.0.1:40000",
      path: "/callback",
      state: fields.state,
    });
    const got = await redeem({ code: to.searchParams.get("code") ?? "", verifier });
    expect(got.headers.get("cache-control")).toBe("no-store");
    const { token, actor, expiresAt } = z
      .object({ token: z.string(), actor: z.string(), expiresAt: z.iso.datetime() })
      .parse(await got.json());
    expect(actor).toBe("admin");
    expect((Date.parse(expiresAt) - Date.now()) / 86_400_000).toBeCloseTo(7, 2);
    const authorization = `Bearer ${token}`;
    expect(await (await request("/me", { headers: { authorization } })).json()).toMatchObject({
      actor: "admin",
      knownBy: "token",
      session: null,
    });
    expect((await request("/me", { method: "DELETE", headers: { authorization } })).status).toBe(204);
    expect((await request("/me", { headers: { authorization } })).status).toBe(401);
  });

  test("who is not signed in yet signs in first, and comes back to the same question", async () => {
    const query = new URLSearchParams(asked()).toString();
    const answer = await app.request(`/auth/cli?${query}`);
    const to = answer.headers.get("location") ?? "";
    expect(to).toMatch(/^\/auth\/sign-in\?next=/);
    expect(new URL(to, PUBLIC_URL).searchParams.get("next")).toBe(`/auth/cli?${query}`);
  });

  test("and is signed in with a token gets no second one, which would outlive it", async () => {
    const made = await request("/tokens", {
      method: "POST",
      body: JSON.stringify({ name: "of a pipeline", scope: "viewer" }),
    });
    const { secret } = z.object({ secret: z.string() }).parse(await made.json());
    const browser = makeBrowserClient(app, PUBLIC_URL);
    await browser.submit("/auth/token", { token: secret });
    const page = await browser.get(`/auth/cli?${new URLSearchParams(asked()).toString()}`);
    expect(page.status).toBe(409);
    expect((await agree(browser, asked())).status).toBe(409);
  });
});

describe("a code", () => {
  test("is worth nothing without the secret that the command line kept, and is used up by the try", async () => {
    const verifier = random();
    const code = await codeOf(verifier);
    expect((await redeem({ code, verifier: random() })).status).toBe(400);
    expect((await redeem({ code, verifier })).status).toBe(400);
  });

  test("is worth one token, also when it comes five times at once", async () => {
    const verifier = random();
    const code = await codeOf(verifier);
    const answers = await Promise.all(Array.from({ length: 5 }, () => redeem({ code, verifier })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400, 400, 400, 400]);
  });

  test("lasts a minute", async () => {
    const verifier = random();
    const code = await codeOf(verifier);
    const { rows } = await database.pool.query(
      "select extract(epoch from expires_at - created_at)::int as life from sign_in_codes where purpose = 'cli' order by created_at desc limit 1",
    );
    expect(rows[0].life).toBe(60);
    await database.pool.query("update sign_in_codes set expires_at = now() where purpose = 'cli'");
    expect((await redeem({ code, verifier })).status).toBe(400);
  });

  test("of a link is none of a command line, and the other way round", async () => {
    const made = await request("/sign-in-links", { method: "POST" });
    const { code } = z.object({ code: z.string() }).parse(await made.json());
    expect((await redeem({ code, verifier: random() })).status).toBe(400);
    const verifier = random();
    const cli = await codeOf(verifier);
    expect((await app.request(`/auth/link/${cli}`)).status).toBe(410);
    expect((await redeem({ code: cli, verifier })).status).toBe(200);
  });
});

test.each([
  [{ port: "80" }],
  [{ port: "70000" }],
  [{ port: "127.0.0.1:9" }],
  [{ port: "40000@evil.example" }],
  [{ challenge: "short" }],
  [{ state: "" }],
  [{ state: "a b".repeat(20) }],
  [{ machine: "" }],
  [{ machine: "a\nb" }],
  [{ machine: "\ud800" }],
  [{ machine: "a".repeat(101) }],
])("a command line that asks with %j is refused, and the code goes nowhere", async (wrong) => {
  const browser = await signedIn();
  const page = await browser.get(`/auth/cli?${new URLSearchParams(asked(wrong)).toString()}`);
  expect(page.status).toBe("machine" in wrong && wrong.machine === "\ud800" ? 200 : 400);
  if (page.status === 400) expect((await agree(browser, asked(wrong))).status).toBe(400);
});

test("another site cannot agree in a person's name", async () => {
  const browser = await signedIn();
  const fields = { ...asked(), csrf: await csrfOf(browser) };
  const body = new URLSearchParams(fields).toString();
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  for (const site of ["cross-site", "same-site", "none"]) {
    const answer = await browser.send("/auth/cli", {
      method: "POST",
      body,
      headers: { ...headers, "sec-fetch-site": site },
    });
    expect(answer.status).toBe(403);
  }
  expect((await browser.submit("/auth/cli", { ...fields, csrf: "x" })).status).toBe(400);
});

test("the token's name tells whose it is and where, however long both are", async () => {
  const browser = await signedIn();
  const verifier = random();
  const answer = await agree(browser, asked({ challenge: challengeOf(verifier), machine: "🦥".repeat(50) }));
  const code = new URL(answer.headers.get("location") ?? "").searchParams.get("code") ?? "";
  expect((await redeem({ code, verifier })).status).toBe(200);
  const { rows } = await database.pool.query("select name from api_tokens order by created_at desc limit 1");
  expect(rows[0].name).toMatch(/^admin at 🦥+ \([0-9a-f]{6}\)$/u);
  expect(adminToken).not.toContain(rows[0].name);
});
