// The package as somebody gets it: `npm pack` makes it, an empty folder installs it, and all runs from there. The folder's
// packages are nowhere written to.
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import packageJson from "../../package.json" with { type: "json" };
import { packOnce, type PackedSluice } from "../support/packed.ts";
import { startRedis } from "../support/redis.ts";
import { runProgram, type Program } from "../support/terminal.ts";

const MINUTE_MS = 60_000;
const MEGABYTE = 1_000_000;
const repository = fileURLToPath(new URL("../..", import.meta.url));

const home = await mkdtemp(join(tmpdir(), "sluice-package-"));
const folder = join(home, "a site");
const [edgePort, originPort, shopPort] = [await freePort(), await freePort(), await freePort()];
const redis = await startRedis();

/** What a login gives, without this repository's programs; npm's cache, so that packages are fetched once. */
const env = {
  PATH: (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((part) => !part.includes("node_modules"))
    .join(delimiter),
  HOME: home,
  npm_config_cache: process.env["npm_config_cache"] ?? join(homedir(), ".npm"),
  EDGE_PORT: String(edgePort),
  ORIGIN_PORT: String(originPort),
  SHOP_PORT: String(shopPort),
  REDIS_URL: redis.url,
};
const type = (command: string): Program => runProgram(command, { cwd: folder, env });
/** Its screen, once it has ended with 0. */
const run = async (command: string): Promise<string> => {
  const program = type(command);
  expect(await program.ended, program.screen()).toBe(0);
  return program.screen();
};

let packed: PackedSluice;
let installedAtMs = 0;
let sluice: Program;

beforeAll(async () => {
  await mkdir(folder);
  packed = await packOnce();
  await run(`npm i ${packed.file} --prefer-offline --no-audit --no-fund`);
  installedAtMs = Date.now();
  sluice = type("npx sluice start");
  await sluice.shows("Ctrl-C stops everything.", MINUTE_MS);
}, 5 * MINUTE_MS);
afterAll(async () => {
  await sluice.interrupt();
  await redis.stop();
  await rm(home, { recursive: true, force: true });
}, MINUTE_MS);

describe("the tarball", () => {
  test("has what runs and no tests, sources, benches or pictures", () => {
    const paths = packed.files.map(({ path }) => path);
    const tops = new Set(
      paths.map((path) => (path.startsWith("docs/") ? "docs" : path.split("/").slice(0, 2).join("/"))),
    );
    expect([...tops].toSorted()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "SECURITY.md",
      "deploy/alertmanager",
      "deploy/clickhouse",
      "deploy/grafana",
      "deploy/prometheus",
      "deploy/systemd",
      "dist/console",
      "dist/edge",
      "dist/migrations",
      "dist/origin",
      "dist/package.json",
      "dist/sbom.cdx.json",
      "dist/scripts",
      "dist/shared",
      "dist/wrangler.toml",
      "docs",
      "package.json",
      "scripts/require-node.js",
      "scripts/sluice.js",
    ]);
    expect(paths.filter((path) => /\.(?:png|test\..*)$|(?<!\.d)\.tsx?$/.test(path))).toEqual([]);
    const code = paths.filter((path) => /^dist\/(?:origin|shared)\/.*(?<!bundle)\.js$/.test(path));
    expect(code.length).toBeGreaterThan(400);
    for (const path of code) {
      expect(paths).toContain(`${path}.map`);
      expect(paths).toContain(path.replace(/\.js$/, ".d.ts"));
    }
  });

  test("has the pages of operations and what they lead to, as the alerts and the unit name them", async () => {
    const paths = new Set(packed.files.map(({ path }) => path));
    const operations = join(repository, "docs", "operations");
    const linked = await Promise.all(
      (await readdir(operations)).map(async (page) => {
        expect(paths).toContain(`docs/operations/${page}`);
        const text = await readFile(join(operations, page), "utf8");
        return Array.from(
          text.matchAll(/\]\(\.\.\/\.\.\/(deploy\/(?!kubernetes|compose)[\w./-]+\.\w+)/g),
          ([, to]) => to,
        );
      }),
    );
    expect(linked.flat().length).toBeGreaterThan(5);
    expect(linked.flat().filter((path) => !paths.has(path ?? ""))).toEqual([]);
    const unit = await readFile(join(repository, "deploy", "systemd", "sluice.service"), "utf8");
    expect(paths).toContain(/Documentation=.*\/node_modules\/sluice\/(.*)/.exec(unit)?.[1]);
  });

  test("is smaller than 4 MB, and 15 MB unpacked", () => {
    expect(packed.size).toBeLessThan(4 * MEGABYTE);
    expect(packed.unpackedSize).toBeLessThan(15 * MEGABYTE);
  });

  test("brings nothing that reports installations", async () => {
    expect(await readdir(join(folder, "node_modules"))).not.toContain("@scarf");
  });
});

describe("installed into an empty folder", () => {
  test("the console, the API's page and the gate come built", async () => {
    const origin = `http://127.0.0.1:${originPort}`;
    const page = await (await fetch(origin)).text();
    const [script] = /\/assets\/[^"]+\.js/.exec(page) ?? [];
    expect((await fetch(origin + script)).headers.get("content-type")).toContain("javascript");
    for (const file of ["swagger-ui.css", "swagger-ui-bundle.js"])
      expect((await fetch(`${origin}/docs/${file}`)).status).toBe(200);
    const shop = await fetch(`http://127.0.0.1:${edgePort}`);
    expect(await shop.text()).toContain("Things for the table");
  });

  test("command, origin, edge and log name one version, which package.json has", async () => {
    const { version } = packageJson;
    expect(await run("npx sluice --version")).toBe(`sluice ${version}\n`);
    const livez = await fetch(`http://127.0.0.1:${originPort}/livez`);
    expect(await livez.text()).toBe(`ok\nsluice ${version}\n`);
    const health = await fetch(`http://127.0.0.1:${edgePort}/.sluice/health`);
    expect(await health.json()).toMatchObject({ version });
    const origin = type(
      `ORIGIN_PORT=${await freePort()} DATA_DIR=${join(home, "origin")} LOG_LEVEL=info npx sluice origin`,
    );
    await origin.shows("the origin is ready", MINUTE_MS);
    await origin.interrupt();
    expect(origin.screen()).toMatch(new RegExp(`"version":"${version}".*"the origin is ready"`));
  });

  test(
    "the demo closes its failing feature at the edge, keeps the good one, and closes both at its end",
    { timeout: 3 * MINUTE_MS },
    async () => {
      const client = new Redis(redis.url);
      const listener = client.duplicate();
      try {
        const events: { featureId: string; reason: string }[] = [];
        await listener.subscribe("feature_rollbacks");
        listener.on("message", (_, message) => events.push(JSON.parse(message)));
        const said = await run("npx sluice demo");
        expect(said).toContain(`edge http://127.0.0.1:${edgePort}`);
        expect(said).toMatch(/\d+ ms after the commit/);
        expect(said).toContain("ROLLBACK: ");
        expect(said).toContain("KEEP: ");
        const lastOf = (id: string) => events.findLast(({ featureId }) => featureId === id)?.reason;
        expect(lastOf("feat_smart_recs_v1")).toMatch(/^ROLLBACK/);
        expect(lastOf("feat_express_checkout")).toBe("the demo is over");
        for (const featureId of ["feat_smart_recs_v1", "feat_express_checkout"]) {
          expect(await client.get(`feature:state:${featureId}`)).toBe("DISABLED");
          expect(await client.ttl(`feature:state:${featureId}`)).toBe(-1);
        }
      } finally {
        client.disconnect();
        listener.disconnect();
      }
    },
  );

  test("`sluice edge deploy` bundles the Worker of a site that `init` has written", async () => {
    await run("npx sluice init https://www.shop.example --yes");
    const config = "sites/www.shop.example/wrangler.toml";
    expect(await readFile(join(folder, config), "utf8")).toContain(
      'main = "../../node_modules/sluice/dist/edge/bundle/worker.js"',
    );
    expect(await run(`npx sluice edge deploy --config ${config} --dry-run`)).toContain(
      "the Worker can be deployed",
    );
  });

  test("a TypeScript program imports the documents with their types", async () => {
    await writeFile(
      join(folder, "rule.mts"),
      [
        'import { Rule, FeatureState } from "sluice";',
        'const rule: Rule = Rule.parse({ featureId: "feat_a", activationThreshold: 0.2, retentionThreshold: 0.1, latencyP95Threshold: 500, minCohortSize: 100, evaluationWindowSeconds: 86400 });',
        'const mode: "shadow" | "enforce" = rule.mode;',
        "// @ts-expect-error -- a number is no mode",
        "const wrong: number = rule.mode;",
        "console.log(mode, wrong, FeatureState.safeParse({}).success);",
      ].join("\n"),
    );
    const tsc = join(repository, "node_modules", "typescript", "bin", "tsc");
    execFileSync(
      process.execPath,
      [
        tsc,
        "--ignoreConfig",
        "--strict",
        "--module",
        "nodenext",
        "--types",
        "",
        "--lib",
        "es2024,dom",
        "rule.mts",
      ],
      { cwd: folder, stdio: "inherit" },
    );
    expect(await run("npx node rule.mjs")).toBe("shadow shadow false\n");
  });

  test("nothing is written beside the code", () => {
    const since = new Date(installedAtMs).toISOString();
    const written = execFileSync("find", ["node_modules", "-newerct", since], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(written).toBe("");
  });
});
