// People in browsers: how a session begins, what it may do, what another site can do with it, and how it ends.
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { makeAdminApp, adminToken, PUBLIC_URL } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { makeBrowserClient, type BrowserClient } from "../../support/browser-client.ts";
import { makeSessionKeys } from "../../../origin/access/make-session-keys.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const sessionKeys = makeSessionKeys();
const { app, request } = makeAdminApp({ pool: database.servicePool, sessionKeys });

let names = 0;
const makeToken = async (fields: object): Promise<{ secret: string; tokenId: string }> => {
  names += 1;
  const made = await request("/tokens", {
    method: "POST",
    body: JSON.stringify({ name: `person ${names}`, ...fields }),
  });
  return z.object({ secret: z.string(), tokenId: z.string() }).parse(await made.json());
};
const makeLink = async (token = adminToken): Promise<string> => {
  const made = await request("/sign-in-links", {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
  const { url } = z.object({ url: z.string() }).parse(await made.json());
  return url.slice(PUBLIC_URL.length);
};
const Me = z.looseObject({
  actor: z.string(),
  scope: z.string(),
  session: z.looseObject({ sessionId: z.string(), csrfToken: z.string() }),
});
const signedIn = async (scope = "editor"): Promise<BrowserClient & { csrf: string; sessionId: string }> => {
  const { secret } = await makeToken({ scope });
  const browser = makeBrowserClient(app, PUBLIC_URL);
  const answer = await browser.submit("/auth/token", { token: secret });
  expect(answer.status).toBe(303);
  const { session } = Me.parse(await (await browser.get("/admin/v1/me")).json());
  return { ...browser, csrf: session.csrfToken, sessionId: session.sessionId };
};
const create = (
  browser: BrowserClient,
  featureId: string,
  headers: Record<string, string>,
): Promise<Response> =>
  browser.send("/admin/v1/features", { method: "POST", body: JSON.stringify({ featureId }), headers });

describe("a token in the form", () => {
  test("begins a session with the token's scope and tags, and leads on", async () => {
    const { secret } = await makeToken({ scope: "viewer", tags: ["checkout"], name: "ada" });
    const browser = makeBrowserClient(app, PUBLIC_URL);
    const answer = await browser.submit("/auth/token", { token: ` ${secret} `, next: "/docs/?a=1#b" });
    expect(answer.headers.get("location")).toBe("/docs/?a=1#b");
    const cookie = answer.headers.get("set-cookie");
    expect(cookie).toMatch(/^sluice-session=v1\.run\./);
    for (const attribute of ["HttpOnly", "SameSite=Lax", "Path=/"]) expect(cookie).toContain(attribute);
    expect(await (await browser.get("/admin/v1/me")).json()).toMatchObject({
      actor: "token:ada",
      scope: "viewer",
      tags: ["checkout"],
      knownBy: "session",
      session: { method: "token" },
    });
    expect((await create(browser, "feat_viewer", {})).status).toBe(403);
  });

  test.each(["", "sluice_wrong", "../../etc", "\u0000", "a".repeat(5_000)])(
    "with %j signs nobody in",
    async (token) => {
      const browser = makeBrowserClient(app, PUBLIC_URL);
      const answer = await browser.submit("/auth/token", { token });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("set-cookie")).toBe(null);
    },
  );

  test("signs nobody in who may send telemetry only", async () => {
    const { secret } = await makeToken({ scope: "ingest" });
    const answer = await makeBrowserClient(app, PUBLIC_URL).submit("/auth/token", { token: secret });
    expect(answer.status).toBe(403);
    expect(answer.headers.get("set-cookie")).toBe(null);
  });

  test("leads to no other site, whatever the link asked for", async () => {
    const { secret } = await makeToken({ scope: "viewer" });
    for (const next of [
      "//evil.example",
      "/\\evil.example",
      "/.//evil.example",
      "https://evil.example",
      "javascript:alert(1)",
      "/\t/evil.example",
      "\\\\evil.example",
      "",
      `/${"a".repeat(3_000)}`,
    ]) {
      const answer = await makeBrowserClient(app, PUBLIC_URL).submit("/auth/token", { token: secret, next });
      expect({ next, location: answer.headers.get("location") }).toEqual({ next, location: "/" });
    }
  });

  test("sent by another site signs nobody in", async () => {
    const { secret } = await makeToken({ scope: "viewer" });
    for (const headers of [
      { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
      { "sec-fetch-site": "same-site", origin: "http://127.0.0.1:8787" },
      { "sec-fetch-site": "none" },
      { origin: "https://evil.example" },
      { origin: "null" },
      {},
    ]) {
      const answer = await app.request("/auth/token", {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
        body: new URLSearchParams({ token: secret }).toString(),
      });
      expect(answer.status).toBe(403);
      expect(answer.headers.get("set-cookie")).toBe(null);
    }
  });
});

describe("a sign-in link", () => {
  test("is not used up by being looked at, signs in once, and does not work again", async () => {
    const link = await makeLink();
    for (let preview = 0; preview < 3; preview += 1) {
      const looked = await app.request(link);
      expect(looked.status).toBe(200);
      expect(looked.headers.get("set-cookie")).toBe(null);
      expect(await looked.text()).toContain("<code>admin</code>");
    }
    const browsers = Array.from({ length: 5 }, () => makeBrowserClient(app, PUBLIC_URL));
    const answers = await Promise.all(browsers.map((browser) => browser.submit(link, {})));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 410, 410, 410, 410]);
    expect((await app.request(link)).status).toBe(410);
  });

  test("signs in as the holder of the token that made it, and ends with that token", async () => {
    const { secret, tokenId } = await makeToken({ scope: "admin", name: "grace" });
    const unused = await makeLink(secret);
    const browser = makeBrowserClient(app, PUBLIC_URL);
    await browser.submit(await makeLink(secret), {});
    expect(await (await browser.get("/admin/v1/me")).json()).toMatchObject({ actor: "token:grace" });
    await request(`/tokens/${tokenId}`, { method: "DELETE" });
    expect((await browser.get("/admin/v1/me")).status).toBe(401);
    expect((await app.request(unused)).status).toBe(410);
  });

  test("is made with any token of a person, and signs in with no more than its scope", async () => {
    const { secret } = await makeToken({ scope: "viewer", name: "mary" });
    const browser = makeBrowserClient(app, PUBLIC_URL);
    await browser.submit(await makeLink(secret), {});
    expect(await (await browser.get("/admin/v1/me")).json()).toMatchObject({
      actor: "token:mary",
      scope: "viewer",
    });
  });

  test("lasts five minutes", async () => {
    const link = await makeLink();
    await database.pool.query("update sign_in_codes set expires_at = now() where used_at is null");
    expect((await makeBrowserClient(app, PUBLIC_URL).submit(link, {})).status).toBe(410);
  });

  test("is not made by a session, which could renew itself for ever", async () => {
    const browser = await signedIn("admin");
    const answer = await browser.send("/admin/v1/sign-in-links", {
      method: "POST",
      headers: { "x-sluice-csrf": browser.csrf },
    });
    expect(answer.status).toBe(409);
  });

  test.each([
    ["/features/feat_a?guide=demo", "/features/feat_a?guide=demo"],
    ["https://evil.test/", "/"],
    ["//evil.test/", "/"],
  ])("leads to %s as %s", async (next, leadsTo) => {
    const link = `${await makeLink()}?next=${encodeURIComponent(next)}`;
    const answer = await makeBrowserClient(app, PUBLIC_URL).submit(link, {});
    expect([answer.status, answer.headers.get("location")]).toEqual([303, leadsTo]);
  });

  test("stands in the database by its digest alone", async () => {
    const code = (await makeLink()).slice("/auth/link/".length);
    const { rows } = await database.pool.query("select c::text as row from sign_in_codes c");
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain(code);
  });
});

describe("a change with a session", () => {
  test("needs a page of this origin and the token that only such a page can read", async () => {
    const browser = await signedIn();
    const { csrf } = browser;
    const other = await signedIn();
    const refused: Record<string, string>[] = [
      {},
      { "x-sluice-csrf": "" },
      { "x-sluice-csrf": other.csrf },
      { "x-sluice-csrf": `${csrf.slice(0, -1)}${csrf.endsWith("A") ? "B" : "A"}` },
      { "x-sluice-csrf": csrf, "sec-fetch-site": "cross-site" },
      { "x-sluice-csrf": csrf, "sec-fetch-site": "same-site" },
      { "x-sluice-csrf": csrf, "sec-fetch-site": "none" },
    ];
    for (const headers of refused) {
      const answer = await create(browser, "feat_forged", headers);
      expect({ headers, status: answer.status }).toEqual({ headers, status: 403 });
      expect(await answer.json()).toMatchObject({ reason: "otherPage" });
    }
    expect((await create(browser, "feat_own_page", { "x-sluice-csrf": csrf })).status).toBe(201);
  });

  test("of an older browser is known by its Origin", async () => {
    const browser = await signedIn();
    const from = (origin: string) =>
      app.request("/admin/v1/features", {
        method: "POST",
        headers: { cookie: browser.cookieHeader(), origin, "x-sluice-csrf": browser.csrf },
        body: JSON.stringify({ featureId: "feat_older_browser" }),
      });
    for (const origin of [
      "https://evil.example",
      "null",
      "http://127.0.0.1:8787",
      `${PUBLIC_URL}.evil.example`,
    ])
      expect((await from(origin)).status).toBe(403);
    expect((await from(PUBLIC_URL)).status).toBe(201);
  });

  test("stands in the audit under the person's name", async () => {
    const { secret } = await makeToken({ scope: "editor", name: "margaret" });
    const browser = makeBrowserClient(app, PUBLIC_URL);
    await browser.submit("/auth/token", { token: secret });
    const { session } = Me.parse(await (await browser.get("/admin/v1/me")).json());
    await create(browser, "feat_audited", { "x-sluice-csrf": session.csrfToken });
    expect(await (await browser.get("/admin/v1/audit?featureId=feat_audited")).json()).toMatchObject({
      entries: [{ actor: "token:margaret" }],
    });
  });

  test("is not read by a page of another origin", async () => {
    const browser = await signedIn();
    for (const site of ["cross-site", "same-site"])
      expect((await browser.get("/admin/v1/features", { "sec-fetch-site": site })).status).toBe(403);
  });

  test("a token in the header is taken without any of this, and wins over the session", async () => {
    const browser = await signedIn("viewer");
    const answer = await create(browser, "feat_by_token", {
      authorization: `Bearer ${adminToken}`,
      "sec-fetch-site": "cross-site",
    });
    expect(answer.status).toBe(201);
    expect((await browser.get("/admin/v1/me", { authorization: "Bearer sluice_wrong" })).status).toBe(401);
  });
});

describe("a session's cookie", () => {
  test("with one changed character is nobody's", async () => {
    const browser = await signedIn();
    const [name = "", value = ""] = browser.cookieHeader().split(/=(.*)/s);
    for (let at = 0; at < value.length; at += 7) {
      const changed = `${value.slice(0, at)}${value[at] === "x" ? "y" : "x"}${value.slice(at + 1)}`;
      const answer = await app.request("/admin/v1/me", { headers: { cookie: `${name}=${changed}` } });
      expect(answer.status).toBe(401);
    }
    for (const hostile of ["", "v1", "v1..a.b", "a".repeat(10_000), "%00", "v1.run.__proto__.x"])
      expect((await app.request("/admin/v1/me", { headers: { cookie: `${name}=${hostile}` } })).status).toBe(
        401,
      );
  });

  test("that came before the sign-in is not the one after it, and does not work any more", async () => {
    const browser = await signedIn();
    const planted = browser.cookieHeader();
    const { secret } = await makeToken({ scope: "admin" });
    await browser.submit("/auth/token", { token: secret });
    expect(browser.cookieHeader()).not.toBe(planted);
    expect((await app.request("/admin/v1/me", { headers: { cookie: planted } })).status).toBe(401);
    expect((await browser.get("/admin/v1/me")).status).toBe(200);
  });

  test("signed by other keys is nobody's", async () => {
    const browser = await signedIn();
    const other = makeAdminApp({ pool: database.servicePool });
    const answer = await other.app.request("/admin/v1/me", { headers: { cookie: browser.cookieHeader() } });
    expect(answer.status).toBe(401);
  });

  test("over https has the prefix that keeps it to this host", async () => {
    const publicUrl = "https://sluice.example.com";
    const https = makeAdminApp({ pool: database.servicePool, sessionKeys, publicUrl });
    const { secret } = await makeToken({ scope: "viewer" });
    const browser = makeBrowserClient(https.app, publicUrl);
    const answer = await browser.submit("/auth/token", { token: secret });
    expect(answer.headers.get("set-cookie")).toMatch(/^__Host-sluice-session=.*; Secure/);
    expect((await browser.get("/admin/v1/me")).status).toBe(200);
    const bare = browser.cookieHeader().replace("__Host-", "");
    expect((await https.app.request("/admin/v1/me", { headers: { cookie: bare } })).status).toBe(401);
  });

  test("stands in the database by its digest alone", async () => {
    const browser = await signedIn();
    const id = browser.cookieHeader().split(".")[2] ?? "";
    expect(id).toHaveLength(43);
    const { rows } = await database.pool.query("select s::text as row from sessions s");
    expect(JSON.stringify(rows)).not.toContain(id);
  });
});

describe("a session ends", () => {
  const second = makeAdminApp({ pool: database.servicePool, sessionKeys });
  const works = async (browser: BrowserClient): Promise<boolean[]> =>
    Promise.all(
      [app, second.app].map(
        async (one) =>
          (await one.request("/admin/v1/me", { headers: { cookie: browser.cookieHeader() } })).status === 200,
      ),
    );

  test("at every origin at once when the person signs out", async () => {
    const browser = await signedIn();
    expect(await works(browser)).toEqual([true, true]);
    const cookie = browser.cookieHeader();
    expect((await browser.submit("/auth/sign-out", { csrf: "wrong" })).status).toBe(403);
    expect(await works(browser)).toEqual([true, true]);
    expect((await browser.submit("/auth/sign-out", { csrf: browser.csrf })).status).toBe(303);
    expect(browser.cookieHeader()).toBe("");
    expect((await second.app.request("/admin/v1/me", { headers: { cookie } })).status).toBe(401);
    expect((await app.request("/admin/v1/me", { headers: { cookie } })).status).toBe(401);
  });

  test("with all others of the same person, and with nobody else's", async () => {
    const { secret } = await makeToken({ scope: "editor", name: "katherine" });
    const own = await Promise.all(
      ["desk", "phone"].map(async () => {
        const browser = makeBrowserClient(app, PUBLIC_URL);
        await browser.submit("/auth/token", { token: secret });
        return browser;
      }),
    );
    const other = await signedIn();
    const ended = await request("/sessions?actor=token:katherine", { method: "DELETE" });
    expect(await ended.json()).toEqual({ ended: 2 });
    for (const browser of own) expect(await works(browser)).toEqual([false, false]);
    expect(await works(other)).toEqual([true, true]);
    const again = await request("/sessions?actor=token:katherine", { method: "DELETE" });
    expect(await again.json()).toEqual({ ended: 0 });
    expect((await request("/sessions", { method: "DELETE" })).status).toBe(400);
  });

  test.each(["the token in the form", "a link"])(
    "that %s began with ADMIN_TOKEN, when another ADMIN_TOKEN takes its place; and links of before are no good",
    async (door) => {
      const browser = makeBrowserClient(app, PUBLIC_URL);
      if (door === "a link") await browser.submit(await makeLink(), {});
      else await browser.submit("/auth/token", { token: adminToken });
      expect((await browser.get("/admin/v1/me")).status).toBe(200);
      const person = await signedIn();
      const link = await makeLink();

      const later = makeAdminApp({
        pool: database.servicePool,
        sessionKeys,
        adminToken: "another-admin-token",
      });
      const statusOf = async (client: BrowserClient): Promise<number> =>
        (await later.app.request("/admin/v1/me", { headers: { cookie: client.cookieHeader() } })).status;
      expect(await statusOf(browser)).toBe(401);
      expect(await statusOf(person)).toBe(200);
      const late = await makeBrowserClient(later.app, PUBLIC_URL).submit(link, {});
      expect(late.status).toBe(410);
    },
  );

  test("at every origin at once when an admin revokes it, who finds it in the list", async () => {
    const browser = await signedIn();
    await works(browser);
    const listed = await (await request("/sessions")).text();
    expect(listed).toContain(browser.sessionId);
    expect((await request(`/sessions/${browser.sessionId}`, { method: "DELETE" })).status).toBe(204);
    expect(await works(browser)).toEqual([false, false]);
    expect((await request(`/sessions/${browser.sessionId}`, { method: "DELETE" })).status).toBe(404);
    expect(await (await request("/sessions")).text()).not.toContain(browser.sessionId);
  });

  test("when the page ends it by the API", async () => {
    const browser = await signedIn();
    const answer = await browser.send("/admin/v1/me", {
      method: "DELETE",
      headers: { "x-sluice-csrf": browser.csrf },
    });
    expect(answer.status).toBe(204);
    expect(await works(browser)).toEqual([false, false]);
  });

  test.each([
    ["after an hour without a request", "last_seen_at = now() - interval '61 minutes'"],
    ["after eight hours, however much it is used", "expires_at = now() - interval '1 second'"],
  ])("%s", async (_, change) => {
    const browser = await signedIn();
    await database.pool.query(`update sessions set ${change} where session_id = $1`, [browser.sessionId]);
    expect(await works(browser)).toEqual([false, false]);
  });

  test("later when it is used: the hour begins again", async () => {
    const browser = await signedIn();
    const { rows: before } = await database.pool.query(
      "update sessions set last_seen_at = now() - interval '59 minutes' where session_id = $1 returning last_seen_at",
      [browser.sessionId],
    );
    expect(await works(browser)).toEqual([true, true]);
    const { rows: after } = await database.pool.query(
      "select last_seen_at from sessions where session_id = $1",
      [browser.sessionId],
    );
    expect(after[0].last_seen_at.getTime()).toBeGreaterThan(before[0].last_seen_at.getTime() + 58 * 60_000);
  });
});

describe("a stream of events", () => {
  const listen = async (headers: Record<string, string>) => {
    const answer = await app.request("/admin/v1/events", { headers });
    expect(answer.status).toBe(200);
    const reader = (answer.body ?? new ReadableStream<Uint8Array>()).getReader();
    const next = async (): Promise<string | null> => {
      const { done, value } = await reader.read();
      return done ? null : new TextDecoder().decode(value);
    };
    expect(await next()).toBe(": connected\n\n");
    return next;
  };
  const change = (featureId: string) =>
    request("/features", { method: "POST", body: JSON.stringify({ featureId }) });

  test("says nothing more to a session that has ended, or a token that was revoked", async () => {
    const browser = await signedIn();
    const { secret, tokenId } = await makeToken({ scope: "viewer" });
    const session = await listen({ cookie: browser.cookieHeader(), "sec-fetch-site": "same-origin" });
    const token = await listen({ authorization: `Bearer ${secret}` });
    await change("feat_heard");
    expect(await session()).toContain("feat_heard");
    expect(await token()).toContain("feat_heard");
    await request(`/sessions/${browser.sessionId}`, { method: "DELETE" });
    await request(`/tokens/${tokenId}`, { method: "DELETE" });
    vi.useFakeTimers({ now: Date.now(), toFake: ["performance"] });
    try {
      vi.advanceTimersByTime(60_000);
      await change("feat_not_heard");
      expect(await session()).toBe(null);
      expect(await token()).toBe(null);
    } finally {
      vi.useRealTimers();
    }
  });

  test("does not keep the session of a page that only listens", async () => {
    const browser = await signedIn();
    const next = await listen({ cookie: browser.cookieHeader(), "sec-fetch-site": "same-origin" });
    await database.pool.query(
      "update sessions set last_seen_at = now() - interval '59 minutes' where session_id = $1",
      [browser.sessionId],
    );
    vi.useFakeTimers({ now: Date.now(), toFake: ["performance"] });
    try {
      vi.advanceTimersByTime(60_000);
      await change("feat_while_listening");
      expect(await next()).toContain("feat_while_listening");
    } finally {
      vi.useRealTimers();
    }
    const { rows } = await database.pool.query(
      "select last_seen_at < now() - interval '58 minutes' as is_idle from sessions where session_id = $1",
      [browser.sessionId],
    );
    expect(rows[0].is_idle).toBe(true);
  });
});

describe("failed sign-ins", () => {
  let limited: ReturnType<typeof makeAdminApp>;
  beforeEach(() => {
    limited = makeAdminApp({ pool: database.servicePool, sessionKeys });
  });

  test("of an address end after thirty in a minute, by whatever door they come", async () => {
    const browser = makeBrowserClient(limited.app, PUBLIC_URL);
    for (let i = 0; i < 10; i += 1) {
      expect((await browser.submit("/auth/token", { token: `sluice_${i}` })).status).toBe(401);
      expect((await browser.submit(`/auth/link/guess${i}`, {})).status).toBe(410);
      expect((await limited.app.request(`/auth/link/look${i}`)).status).toBe(410);
    }
    for (const answer of [
      await browser.submit("/auth/token", { token: "sluice_another" }),
      await browser.submit("/auth/link/guess", {}),
      await limited.app.request("/auth/link/look"),
    ]) {
      expect(answer.status).toBe(429);
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(answer.headers.get("set-cookie")).toBe(null);
    }
    // Whoever has a token that is in use signs in all the same.
    expect((await browser.submit("/auth/token", { token: adminToken })).status).toBe(303);
  });
});

test("every page of signing in runs no script and is kept by no cache", async () => {
  for (const path of ["/auth/sign-in", await makeLink(), "/auth/link/wrong"]) {
    const { headers } = await app.request(path);
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    );
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  }
});

test("what a person is called cannot become part of the page", async () => {
  const { secret } = await makeToken({ scope: "viewer", name: `<script>alert("x")</script>` });
  const browser = makeBrowserClient(app, PUBLIC_URL);
  await browser.submit("/auth/token", { token: secret });
  const text = await (await browser.get("/auth/sign-in")).text();
  expect(text).not.toContain("<script");
  expect(text).toContain("&lt;script&gt;");
});
