// What `sluice init` writes for a new site, and what it leaves alone.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { unstable_readConfig } from "wrangler";
import { parseConfig as parseEdgeConfig } from "../../edge/config.ts";
import { parseConfig as parseOriginConfig } from "../../origin/environment/parse-config.ts";
import { runCli } from "../support/cli.ts";
import { makeTestDatabase } from "../support/database.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";

const folder = await mkdtemp(join(tmpdir(), "sluice-init-"));
const database = await makeTestDatabase();
const origin = await startOrigin({ DATABASE_URL: database.url });
afterAll(async () => {
  await origin.end("SIGTERM");
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const dir = join(folder, "a site");
const site = ["init", "https://www.shop.example", "--upstream", "shop.internal.example", "--dir", dir];

describe("of a site", () => {
  test("--dry-run shows what would be written, without secrets, and writes nothing", async () => {
    const { code, out, error } = await runCli([...site, "--dry-run"]);
    expect(code, error).toBe(0);
    expect(error).toContain(`would write ${join(dir, "wrangler.toml")}`);
    expect(error).toContain('routes = [{ pattern = "www.shop.example/*", zone_name = "shop.example" }]');
    expect(out + error).not.toContain("COOKIE_KEYS=");
    await expect(stat(dir)).rejects.toThrow("ENOENT");
  });

  test("it writes configuration and secrets, and prints the two commands that follow", async () => {
    const { code, out, error } = await runCli(site);
    expect(code, error).toBe(0);
    expect(out).toBe(
      [
        `npx sluice edge deploy --config '${dir}/wrangler.toml'`,
        `npx sluice origin --variables '${dir}/origin.env'`,
        "",
      ].join("\n"),
    );
    expect((await readdir(dir)).toSorted()).toEqual([
      ".gitignore",
      "origin.env",
      "worker.env",
      "wrangler.toml",
    ]);
  });

  test("wrangler reads the Worker with all that the repository's own has", () => {
    const made = unstable_readConfig({ config: join(dir, "wrangler.toml") });
    const own = unstable_readConfig({ config: "wrangler.toml" });
    const partOf = (config: typeof made) => ({
      main: config.main,
      flags: config.compatibility_flags,
      date: config.compatibility_date,
      objects: config.durable_objects.bindings,
      migrations: config.migrations,
      kv: config.kv_namespaces.map(({ binding }: { binding: string }) => binding),
    });
    expect(partOf(made)).toEqual(partOf(own));
    expect(made.main).toBe(resolve("edge/worker.ts"));
    expect(made).toMatchObject({ name: "sluice-www-shop-example", workers_dev: false });
    expect(made.vars).toEqual({
      UPSTREAM_URL: "https://shop.internal.example",
      ORIGIN_URL: "https://sluice.shop.example",
    });
  });

  test("Worker and origin accept their secrets, which are strong and each for one purpose", async () => {
    const read = async (name: string) => parseEnv(await readFile(join(dir, name), "utf8"));
    const [worker, ofOrigin] = [await read("worker.env"), await read("origin.env")];
    const { vars } = unstable_readConfig({ config: join(dir, "wrangler.toml") });
    expect(parseEdgeConfig({ ...vars, ...worker })).toMatchObject({ ok: true });
    const parsed = parseOriginConfig(ofOrigin);
    expect(parsed).toMatchObject({ ok: true, value: { EDGE_URLS: ["https://www.shop.example"] } });
    expect(worker["PUSH_KEYS"]).toBe(ofOrigin["PUSH_KEYS"]);
    expect(worker["INGEST_TOKEN"]).toBe(ofOrigin["INGEST_TOKEN"]);
    const secrets = ["COOKIE_KEYS", "PUSH_KEYS", "INGEST_TOKEN", "PREVIEW_KEYS", "SERVER_KEYS"].map(
      (name) => worker[name] ?? "",
    );
    expect(new Set([...secrets, ofOrigin["ADMIN_TOKEN"]]).size).toBe(6);
    for (const secret of secrets) expect(secret).toMatch(/^(?:k1:)?[\w-]{43}$/);
  });

  test("secrets are readable by their owner alone, and git leaves them out", async () => {
    for (const name of ["worker.env", "origin.env"]) {
      const { mode } = await stat(join(dir, name));
      expect((mode & 0o777).toString(8)).toBe("600");
    }
    execFileSync("git", ["init", "--quiet"], { cwd: folder });
    const seen = execFileSync("git", ["ls-files", "--others", "--exclude-standard"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(seen).toContain("wrangler.toml");
    expect(seen).not.toContain(".env");
  });

  test("nothing is overwritten, and then nothing is written either", async () => {
    const before = await readFile(join(dir, "worker.env"), "utf8");
    const again = await runCli(site);
    expect(again).toMatchObject({ code: 2, out: "" });
    expect(again.error).toContain(
      "is there already, and nothing is overwritten; name another folder with --dir",
    );
    expect(await readFile(join(dir, "worker.env"), "utf8")).toBe(before);

    const other = join(folder, "other");
    execFileSync("mkdir", [other]);
    await writeFile(join(other, "origin.env"), "mine");
    expect((await runCli([...site.slice(0, -1), other])).code).toBe(2);
    expect(await readdir(other)).toEqual(["origin.env"]);
  });

  test.each([
    [["https://shop.example/cart"], "SITE must be an address without a path"],
    [["shop.example", "--upstream", "https://shop.example"], "the Worker would ask itself"],
    [["shop.example", "--zone", "other.example"], "--zone must be a domain that shop.example is in"],
  ])("%j is refused with what is wrong", async (args, message) => {
    const { code, error } = await runCli(["init", ...args, "--dir", join(folder, "none")]);
    expect(code).toBe(2);
    expect(error).toContain(message);
  });
});

describe("of the first feature", () => {
  const environment = { SLUICE_URL: origin.url, SLUICE_TOKEN: ADMIN_TOKEN };
  const args = ["init", "--feature", "feat_first", "--path", "/search", "--activation", "POST /orders"];

  test("--dry-run makes none", async () => {
    const { code, error } = await runCli([...args, "--dry-run"], environment);
    expect(code).toBe(0);
    expect(error).toContain('"path": "/orders"');
    await expect(origin.admin("GET", "/features/feat_first")).rejects.toThrow("404");
  });

  test("it is closed, with a rule in shadow, and the three commands that follow are printed", async () => {
    const { code, out, error } = await runCli(args, environment);
    expect(code, error).toBe(0);
    expect(out).toBe(
      'npx sluice enable feat_first --reason "a first try"\nnpx sluice why feat_first\nnpx sluice doctor\n',
    );
    expect(await origin.admin("GET", "/features/feat_first")).toMatchObject({
      enabled: false,
      rolloutBps: 1_000,
      holdoutBps: 1_000,
      routes: [{ path: "/search" }],
      activation: { path: "/orders", method: "POST" },
    });
    expect(await origin.admin("GET", "/features/feat_first/rule")).toMatchObject({
      mode: "shadow",
      activationThreshold: 0.05,
    });
  });

  test("one that is there is left as it is", async () => {
    const { code, error } = await runCli([...args, "--rollout", "90%"], environment);
    expect(code).toBe(0);
    expect(error).toContain("feat_first is there already, and is left as it is");
    expect(await origin.admin("GET", "/features/feat_first")).toMatchObject({ rolloutBps: 1_000 });
  });
});

test("commands on this machine take the token of the `npm start` of the folder, and send it nowhere else", async () => {
  const data = join(folder, "data");
  execFileSync("mkdir", [data]);
  await writeFile(join(data, "secrets.json"), JSON.stringify({ adminToken: ADMIN_TOKEN }));
  const found = await runCli(["status"], { SLUICE_URL: origin.url, DATA_DIR: data });
  expect(found.code, found.error).toBe(0);
  const elsewhere = await runCli(["status"], { SLUICE_URL: "http://127.0.0.2:1", DATA_DIR: data });
  expect(elsewhere.error).toContain("no origin answers");
  const wrong = await runCli(["status"], { SLUICE_URL: origin.url, DATA_DIR: data, SLUICE_TOKEN: "wrong" });
  expect(wrong.error).toContain("does not know the token in SLUICE_TOKEN");
});

test("serve says which file of variables it cannot read", async () => {
  const { code, error } = await runCli(["serve", "--variables", join(folder, "none.env")]);
  expect(code).toBe(2);
  expect(error).toMatch(/^sluice: --variables .*none\.env cannot be read: /);
});
