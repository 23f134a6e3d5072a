// `sluice edge deploy`: what a Worker lacks is named before anything is uploaded.
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { workerProblems, type Secrets, type WorkerConfig } from "../../scripts/edge-deploy/check-worker.ts";
import { runCli } from "../support/cli.ts";

const own: WorkerConfig = {
  vars: { UPSTREAM_URL: "http://127.0.0.1:8788", ORIGIN_URL: "http://127.0.0.1:8080" },
  kvBindings: ["FEATURES"],
  durableObjects: { HUB: "Hub", REPLICA: "Replica" },
  migratedClasses: ["Hub", "Replica"],
  compatibilityDate: "2026-10-20",
  compatibilityFlags: ["nodejs_compat", "enable_request_signal"],
  hasRoute: false,
};
const whole: WorkerConfig = {
  ...own,
  vars: { UPSTREAM_URL: "", ORIGIN_URL: "https://sluice.shop.example" },
  hasRoute: true,
};
const values = {
  COOKIE_KEYS: "k1:cookie-secret-of-the-tests-0123456789abcdefghijk",
  PUSH_KEYS: "k1:push-secret-of-the-tests-0123456789abcdefghijklm",
  INGEST_TOKEN: "ingest-token-of-the-tests",
};
const secrets: Secrets = { known: "values", values };
const named = (...names: string[]): Secrets => ({ known: "names", names });

describe("a Worker's configuration", () => {
  test("with everything has no problems", () => {
    expect(workerProblems(whole, own, secrets)).toEqual([]);
  });

  test("is also whole when Cloudflare has the secrets and tells their names alone", () => {
    const all = named("COOKIE_KEYS", "PUSH_KEYS", "PREVIEW_KEYS", "SERVER_KEYS", "INGEST_TOKEN");
    expect(workerProblems(whole, own, all)).toEqual([]);
  });

  const cases: [string, Partial<WorkerConfig>, Secrets, RegExp][] = [
    ["the KV binding", { kvBindings: ["CACHE"] }, secrets, /^KV binding FEATURES is missing: add /],
    [
      "a Durable Object binding",
      { durableObjects: { HUB: "Hub" } },
      secrets,
      /^Durable Object binding REPLICA is missing: .*class_name = "Replica"$/,
    ],
    [
      "the class of a Durable Object",
      { durableObjects: { HUB: "Replica", REPLICA: "Replica" } },
      secrets,
      /^Durable Object binding HUB must be of the class Hub, not Replica$/,
    ],
    ["a migration", { migratedClasses: ["Hub"] }, secrets, /^no migration makes Replica: /],
    [
      "a flag",
      { compatibilityFlags: ["nodejs_compat"] },
      secrets,
      /^compatibility_flags lacks enable_request_signal$/,
    ],
    [
      "a new date",
      { compatibilityDate: "2025-01-01" },
      secrets,
      /^compatibility_date must be 2026-10-20 or later/,
    ],
    ["a secret", {}, named("PUSH_KEYS", "INGEST_TOKEN"), /^secret COOKIE_KEYS is missing/],
    [
      "the ingest token",
      {},
      named("COOKIE_KEYS", "PUSH_KEYS"),
      /^secret INGEST_TOKEN is missing: the origin/,
    ],
    [
      "a strong secret",
      {},
      { known: "values", values: { ...values, COOKIE_KEYS: "k1:short" } },
      /^COOKIE_KEYS must /,
    ],
    [
      "two different secrets",
      {},
      { known: "values", values: { ...values, COOKIE_KEYS: values.PUSH_KEYS } },
      /^COOKIE_KEYS must not hold a secret of PUSH_KEYS$/,
    ],
    [
      "a hidden secret",
      { vars: { ...whole.vars, PUSH_KEYS: values.PUSH_KEYS } },
      secrets,
      /^PUSH_KEYS is a secret: take it out of \[vars\]/,
    ],
    [
      "a valid variable",
      { vars: { ...whole.vars, WATCH_MS: "soon" } },
      secrets,
      /^WATCH_MS must be a whole number/,
    ],
    [
      "a known variable",
      { vars: { ...whole.vars, WATCH_SM: "500" } },
      secrets,
      /^WATCH_SM is no variable of the Worker$/,
    ],
    ["a site", { hasRoute: false }, secrets, /^UPSTREAM_URL is empty and there is no route/],
  ];
  test.each(cases)("that lacks %s is told so, and nothing else", (_, change, given, expected) => {
    const problems = workerProblems({ ...whole, ...change }, own, given);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
    expect(problems[0]).not.toContain(values.PUSH_KEYS);
  });
});

describe("npx sluice edge deploy --dry-run", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-deploy-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const site = join(folder, "site");
  const { code } = await runCli(["init", "https://www.shop.example", "--dir", site, "--yes"]);
  const deploy = (config: string) =>
    runCli(["edge", "deploy", "--config", config, "--dry-run"], { HOME: folder });

  test("bundles what `init` has written, with its secrets, which it does not show", async () => {
    expect(code).toBe(0);
    const result = await deploy(join(site, "wrangler.toml"));
    expect(result.code, result.error).toBe(0);
    expect(result.out).toContain("env.HUB (Hub)");
    expect(result.out).toContain("COOKIE_KEYS");
    expect(result.out).toMatch(/the Worker can be deployed\n$/);
    const [secret] = /(?<=^COOKIE_KEYS=k1:)\S+/m.exec(await readFile(join(site, "worker.env"), "utf8")) ?? [];
    expect(secret).toHaveLength(43);
    expect(result.out + result.error).not.toContain(secret);
  });

  test("names each binding and secret that is missing, and starts no wrangler", async () => {
    const broken = join(folder, "broken");
    await cp(site, broken, { recursive: true });
    const config = join(broken, "wrangler.toml");
    const text = await readFile(config, "utf8");
    await writeFile(config, text.replace(/^\[\[kv_namespaces\]\]\nbinding = "FEATURES"\n/m, ""));
    await writeFile(join(broken, "worker.env"), `INGEST_TOKEN=${values.INGEST_TOKEN}\n`);
    const result = await deploy(config);
    expect(result).toMatchObject({ code: 2, out: "" });
    expect(result.error.split("\n").map((line) => line.slice(0, 35))).toEqual([
      "KV binding FEATURES is missing: add",
      "secret COOKIE_KEYS is missing: put ",
      "secret PUSH_KEYS is missing: put it",
      "sluice: the Worker is not deployed:",
      "`npx sluice edge deploy --help` sho",
      "",
    ]);
  });

  test("of a file that is not there it says which", async () => {
    const { code: exit, error } = await deploy(join(folder, "none.toml"));
    expect(exit).toBe(2);
    expect(error).toContain(`there is no file ${join(folder, "none.toml")}`);
  });
});
