// `sluice login` as a person does it: a real browser, a real provider with its own forms, a real origin.
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { startBrowser } from "../support/browser.ts";
import { runCli, startCli } from "../support/cli.ts";
import { makeTestDatabase } from "../support/database.ts";
import { CLIENT, startOidcServer } from "../support/oidc-server.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";
import { waitFor } from "../support/telemetry.ts";

const database = await makeTestDatabase();
const port = await freePort();
const publicUrl = `http://127.0.0.1:${port}`;
const provider = await startOidcServer({
  publicUrl,
  people: new Map([["ada", { email: "ada@example.com", email_verified: true, groups: ["product"] }]]),
});
const origin = await startOrigin({
  DATABASE_URL: database.url,
  ORIGIN_PORT: String(port),
  PUBLIC_URL: publicUrl,
  SESSION_KEYS: "s1:the-secret-of-sessions-0123456789abcdefghijklmno",
  OIDC_ISSUER: provider.issuer,
  OIDC_CLIENT_ID: CLIENT.clientId,
  OIDC_CLIENT_SECRET: CLIENT.clientSecret,
  OIDC_ROLE_CLAIM: "groups",
  OIDC_ROLES: "editor=product",
});
const folder = await mkdtemp(join(tmpdir(), "sluice-login-"));
const browser = await startBrowser();
afterAll(async () => {
  await browser.close();
  await origin.end("SIGTERM");
  await provider.stop();
  await database.drop();
  await rm(folder, { recursive: true });
});
const env = { SLUICE_URL: publicUrl, XDG_CONFIG_HOME: folder };
const file = join(folder, "sluice", "credentials.json");

test("a person signs in by a browser, the audit names them, and logout ends it", async () => {
  const { child, said } = startCli(["login"], env);
  const ended = once(child, "exit");
  await waitFor(async () => said.error.includes("/auth/cli?"), 20_000);
  const address = /http\S+\/auth\/cli\?\S+/.exec(said.error)?.[0] ?? "";

  const page = await browser.newPage();
  const blocked: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") blocked.push(message.text());
  });
  await page.goto(address);
  await page.getByRole("link", { name: /^Sign in with/ }).click();
  await page.locator("input[name=login]").fill("ada");
  await page.locator("input[name=password]").fill("anything");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "Let the command line in?" }).waitFor();
  expect(await page.locator("main").textContent()).toContain("user:ada@example.com");
  await page.getByRole("button", { name: "Agree" }).click();
  await page.getByText("You can close this window").waitFor();
  const [code] = await ended;
  expect({ code, error: said.error }).toEqual({
    code: 0,
    error: expect.stringContaining("as user:ada@example.com with the scope editor until"),
  });

  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, "sluice"))).mode & 0o777).toBe(0o700);
  await origin.admin("POST", "/features", { featureId: "feat_login", enabled: true, rolloutBps: 100 });
  expect(await runCli(["rollback", "feat_login", "--reason", "tried"], env)).toMatchObject({ code: 0 });
  expect(JSON.stringify(await origin.admin("GET", "/audit?featureId=feat_login"))).toContain(
    '"actor":"user:ada@example.com"',
  );
  // Another token that is set wins.
  const wins = await runCli(["status"], { ...env, SLUICE_TOKEN: "sluice_wrong" });
  expect(wins.error).toContain("does not know the token in SLUICE_TOKEN");

  // The session of the browser: a change from the reference page goes through, and signing out ends it at the provider too.
  await page.goto(`${publicUrl}/docs/`);
  const status = await page.evaluate(async () => {
    const me = (await (await fetch("/admin/v1/me")).json()) as { session: { csrfToken: string } };
    const answer = await fetch("/admin/v1/features", {
      method: "POST",
      headers: { "x-sluice-csrf": me.session.csrfToken },
      body: JSON.stringify({ featureId: "feat_from_the_page" }),
    });
    return answer.status;
  });
  expect(status).toBe(201);
  await page.goto(`${publicUrl}/auth/sign-in`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${provider.issuer}/session/end**`);
  await page.locator("button[value=yes]").click();
  await page.waitForURL(`${publicUrl}/auth/sign-in**`);
  expect(await page.getByRole("heading").textContent()).toBe("Sign in");
  expect(
    blocked.filter((text) => text.includes("Content Security Policy") && text.includes(publicUrl)),
  ).toEqual([]);

  const token: string = JSON.parse(await readFile(file, "utf8"))[publicUrl].token;
  expect(await runCli(["logout"], env)).toMatchObject({ code: 0 });
  const after = await fetch(`${publicUrl}/admin/v1/me`, { headers: { authorization: `Bearer ${token}` } });
  expect(after.status).toBe(401);
  expect(await runCli(["status"], env)).toMatchObject({
    code: 2,
    error: expect.stringContaining("run sluice login"),
  });
  expect((await runCli(["logout"], env)).error).toContain("has no token for");
}, 90_000);

test("without a browser a token is taken from standard input, tried, and kept from others", async () => {
  const login = async (token: string) => {
    const { child, said } = startCli(["login", "--token"], env, token);
    const [code] = await once(child, "exit");
    return { code, ...said };
  };
  expect(await login("sluice_wrong\n")).toMatchObject({
    code: 2,
    error: expect.stringContaining("does not know the token"),
  });
  expect(await login("two words\n")).toMatchObject({ code: 2 });
  expect(await login(`${ADMIN_TOKEN}\n`)).toMatchObject({
    code: 0,
    error: expect.stringContaining("as admin with the scope admin."),
  });
  expect(await runCli(["status"], env)).toMatchObject({ code: 0 });
  // The token of one origin is not sent to another.
  const elsewhere = await runCli(["status"], {
    ...env,
    SLUICE_URL: publicUrl.replace("127.0.0.1", "localhost"),
  });
  expect(elsewhere).toMatchObject({ code: 2, error: expect.stringContaining("run sluice login") });
  await chmod(file, 0o644);
  expect(await runCli(["status"], env)).toMatchObject({
    code: 2,
    error: expect.stringContaining("can be read by others"),
  });
});
