// README.md, as a stranger follows it: its commands, read out of the file, in a fresh clone, with a clean environment and
// the default ports and folders. The clone lies in a private home, below a folder whose name is no plain ASCII.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { makeCheckout } from "../support/checkout.ts";
import { allProcesses, procFile } from "../support/linux-processes.ts";
import { readmeCommands } from "../support/readme.ts";
import { eventually } from "../support/stack.ts";
import { openShell, runProgram, type Program, type ShellSession } from "../support/terminal.ts";

const EDGE = "http://127.0.0.1:8787";
const ORIGIN = "http://127.0.0.1:8080";
const SITE_PORT = 3_000;
const MINUTE_MS = 60_000;
const IS_ROOT = process.getuid?.() === 0;
const NOBODY = "65534";

const home = await mkdtemp(join(tmpdir(), "sluice-readme-"));
const folder = join(home, "Zoë's projects", "sluice");
await chmod(home, 0o700);
await mkdir(folder, { recursive: true });
await mkdir(join(home, "tmp"));

/** What a login gives, and npm's cache, so that packages are fetched once. */
const env = {
  PATH: (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((part) => !part.includes("node_modules"))
    .join(delimiter),
  HOME: home,
  TMPDIR: join(home, "tmp"),
  npm_config_cache: process.env["npm_config_cache"] ?? join(homedir(), ".npm"),
};
const type = (command: string): Program => runProgram(command, { cwd: folder, env });

/** The site of the reader, and what the edge told it. */
const told: string[] = [];
const site = createServer((request, response) => {
  told.push(String(request.headers["sluice-features"] ?? ""));
  response.end("a site of one's own");
});

const started: Program[] = [];
/** The `npm start` that runs now. */
let sluice: Program | undefined;
let shell: ShellSession;

const start = async (command: string, withinMs: number): Promise<Program> => {
  const program = type(command);
  started.push(program);
  await program.shows("Ctrl-C stops everything.", withinMs);
  sluice = program;
  return program;
};

const stopSluice = async (): Promise<void> => {
  const running = sluice;
  if (running === undefined) throw new Error("npm start does not run");
  sluice = undefined;
  await running.interrupt();
  expect(running.screen()).toContain("Sluice is stopping");
  expect(running.screen()).not.toContain("crashed");
  await expect(fetch(EDGE), "the edge is gone").rejects.toThrow("fetch failed");
  await expect(fetch(ORIGIN), "the origin is gone").rejects.toThrow("fetch failed");
};

const tokenOn = (screen: string, label: string): string => {
  const token = new RegExp(`${label} +(\\S+)`).exec(screen)?.[1];
  if (token === undefined) throw new Error(`no ${label} on the screen:\n${screen}`);
  return token;
};

const adminApi = async (token: string, method: string, path: string, body?: object) => {
  const response = await fetch(`${ORIGIN}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
};
const secret = async (name: "adminToken" | "ingestToken"): Promise<string> =>
  (JSON.parse(await readFile(join(folder, ".data", "secrets.json"), "utf8")) as Record<string, string>)[
    name
  ] ?? "";
const signals = async () => {
  const { json } = await adminApi(await secret("adminToken"), "GET", "/features/feat_new_search/signals");
  return json as {
    cohorts: { treatment: { exposed: number }; holdout: { exposed: number } };
    botRequests: number;
    note?: string;
  };
};

const firstStart = async (command: string): Promise<void> => {
  const early = type("npm start");
  expect(await early.ended).toBe(1);
  expect(early.screen()).toContain("Run `npm ci` first.");

  const first = await start(command, 5 * MINUTE_MS);
  expect(first.screen()).not.toContain("npm warn");
  expect(await (await fetch(EDGE)).text()).toContain("Things for the table");
  const adminToken = tokenOn(first.screen(), "Admin token");
  const created = await adminApi(adminToken, "POST", "/features", { featureId: "feat_kept", rolloutBps: 1 });
  expect(created.status).toBe(201);
  const traces = await fetch(`${ORIGIN}/v1/traces`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tokenOn(first.screen(), "Ingest token \\(OpenTelemetry\\)")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ resourceSpans: [] }),
  });
  expect(traces.status).toBe(200);
  await stopSluice();

  const second = await start("npm start", MINUTE_MS);
  expect(tokenOn(second.screen(), "Admin token")).toBe(adminToken);
  expect((await adminApi(adminToken, "GET", "/features/feat_kept")).status).toBe(200);
};

const demo = async (command: string): Promise<string> => {
  const program = type(command);
  started.push(program);
  const code = await program.ended;
  expect(code, program.screen()).toBe(0);
  expect(program.screen()).toContain("the failing feature closed itself, the good one was kept");
  return program.screen();
};

/** Beside a running Sluice it is broken off here: test/flow/package.test.ts plays that to its end. */
const demoBesideAndAlone = async (command: string): Promise<void> => {
  const beside = type(command);
  started.push(beside);
  await beside.shows("visitors a second come through", MINUTE_MS);
  expect(beside.screen()).toContain(`edge ${EDGE}, origin ${ORIGIN}`);
  await beside.interrupt();
  const token = await secret("adminToken");
  for (const featureId of ["feat_smart_recs_v1", "feat_express_checkout"])
    expect((await adminApi(token, "GET", `/features/${featureId}`)).json).toMatchObject({ enabled: false });
  await stopSluice();
  expect(await demo(command)).toContain("the demo starts a stack of its own");
};

const startBeforeOwnSite = async (command: string): Promise<void> => {
  site.listen(SITE_PORT, "127.0.0.1");
  await once(site, "listening");
  const program = await start(command, MINUTE_MS);
  expect(program.screen()).not.toContain("npm run demo");
  expect(await (await fetch(EDGE)).text()).toBe("a site of one's own");
  shell = openShell({ cwd: folder, env });
};

/** What the command printed on standard output. */
const sluiceCommand =
  (expected: RegExp) =>
  async (command: string): Promise<void> =>
    expect(await shell.run(command)).toMatch(expected);

/** The page is gated: each visitor is told to the site with a cohort, of a feature whose rule closes nothing. */
const openFirst = async (command: string): Promise<void> => {
  await sluiceCommand(/^feat_new_search is open for 20 % at revision \d+$/)(command);
  told.length = 0;
  await eventually(async () => {
    // As a bot: it is gated, and not yet to be counted.
    await fetch(EDGE, { headers: { "user-agent": "curl/8.11" } });
    return told.some((features) => features !== "");
  });
  const { json } = await adminApi(await secret("adminToken"), "GET", "/features/feat_new_search/rule");
  expect(json).toMatchObject({ mode: "shadow" });
};

const visit = async (command: string): Promise<void> => {
  const botsOnly = `for i in $(seq 50); do curl -s -o /dev/null ${EDGE}/; done`;
  await shell.run(botsOnly);
  await eventually(async () => (await signals()).botRequests > 0);
  expect(await signals()).toMatchObject({
    cohorts: { treatment: { exposed: 0 }, holdout: { exposed: 0 } },
    note: expect.stringContaining("curl is a bot"),
  });

  told.length = 0;
  await shell.run(command);
  expect(told).toHaveLength(50);
  expect(new Set(told)).toEqual(new Set(["feat_new_search=treatment", "feat_new_search=holdout", ""]));
  const exposed = told.filter((features) => features !== "").length;
  await eventually(async () => {
    const { treatment, holdout } = (await signals()).cohorts;
    return treatment.exposed + holdout.exposed === exposed;
  });
};

const rollBack = async (command: string): Promise<void> => {
  await sluiceCommand(/^feat_new_search is closed at revision \d+$/)(command);
  const { json } = await adminApi(await secret("adminToken"), "GET", "/features/feat_new_search");
  expect(json).toMatchObject({ enabled: false });
};

/** A span that names no epoch counts for the trial that ingest knew of this long ago, at most. */
const DIRECTORY_MS = 1_000;

/** OpenTelemetry's own exporter, configured by nothing but the variables, with the attributes of the README's table. */
const SEND_SPAN = `npx node --input-type=module -e '
  import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
  import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
  const processor = new SimpleSpanProcessor(new OTLPTraceExporter());
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  const attributes = { "feature_flag.key": "feat_new_search", "feature_flag.context.id": "reader",
    "feature_flag.result.variant": "treatment", action_taken: true };
  provider.getTracer("site").startSpan("POST /orders", { attributes }).end();
  await provider.shutdown();
'`;

const exportVariable = async (command: string): Promise<void> => {
  await shell.run(command);
  // The last of the three says with which token.
  if (!command.includes("OTEL_EXPORTER_OTLP_HEADERS")) return;
  const token = await secret("adminToken");
  await adminApi(token, "POST", "/features/feat_new_search/enable", { reason: "telemetry of the site" });
  await setTimeout(DIRECTORY_MS);
  await shell.run(SEND_SPAN);
  await eventually(async () => (await signals()).cohorts.treatment.exposed === 1);
  await shell.stop();
  await stopSluice();
};

/** Those that were started with this folder for temporary files. */
const processesOf = (folderOfRun: string): string[] =>
  allProcesses()
    .filter(({ pid }) => procFile(pid, "environ").includes(`TMPDIR=${folderOfRun}`))
    .map(({ pid }) => `${pid} ${procFile(pid, "cmdline").replaceAll("\0", " ")}`);

/** Until what the command is for can be seen to have begun. */
const begins =
  (first: string | RegExp) =>
  async (command: string): Promise<void> => {
    const program = type(command);
    started.push(program);
    try {
      await program.shows(first, 4 * MINUTE_MS);
    } finally {
      await program.interrupt();
    }
  };

/** A long run, which leaves no process and no file behind when it alone is told to end. */
const beginsAndLeavesNothing =
  (first: string | RegExp) =>
  async (command: string): Promise<void> => {
    const temporary = join(home, "tmp");
    const ofSluice = async (): Promise<string[]> => {
      const kept = (await readdir(temporary)).filter((name) => name.startsWith("sluice-"));
      return [...processesOf(temporary), ...kept];
    };
    // What an earlier command was broken off in may still be ending.
    const before = new Set(await ofSluice());
    const added = async () => (await ofSluice()).filter((one) => !before.has(one));
    const program = type(command);
    started.push(program);
    await program.shows(first, 4 * MINUTE_MS);
    expect(await added()).not.toEqual([]);
    await program.terminate();
    expect(await added()).toEqual([]);
  };

/** How a reader goes about each command of the README, in the order in which it stands there. */
const ways: readonly (readonly [RegExp, (command: string) => Promise<void>])[] = [
  [/^npm ci && npm start$/, firstStart],
  [/^npm run demo$/, demoBesideAndAlone],
  [/^UPSTREAM_URL=http:\/\/127\.0\.0\.1:3000 npm start$/, startBeforeOwnSite],
  [/^npx sluice init /, sluiceCommand(/^npx sluice enable feat_new_search /)],
  [/^npx sluice enable /, openFirst],
  [/^npx sluice status$/, sluiceCommand(/^FEATURE +STATE.*\nfeat_[\s\S]*feat_new_search +\S+ +20 % +10 %/)],
  [/^npx sluice why /, sluiceCommand(/^feat_new_search \(shadow\)\n/)],
  [/^npx sluice rollback /, rollBack],
  [/^npx sluice audit verify$/, sluiceCommand(/^audit is whole: /)],
  [/^npx sluice doctor$/, sluiceCommand(/^ok +edges http:\/\/127\.0\.0\.1:8787: takes pushes/m)],
  [/^for i in /, visit],
  [/^export OTEL_/, exportVariable],
  [/^npm test$/, begins("✓")],
  [/^npm run check$/, begins("All matched files use the correct format")],
  [/^npm run bench$/, begins(/^rollback +From the commit/m)],
  [/^npm run model$/, begins("states")],
  [/^npm run chaos$/, beginsAndLeavesNothing(/^1\/200 /m)],
  [/^npm run faults$/, beginsAndLeavesNothing("fault 1: ")],
  [/^npm run fuzz$/, beginsAndLeavesNothing("bodies sent")],
  [/^npm run attack$/, beginsAndLeavesNothing("stories follow")],
];

beforeAll(async () => makeCheckout(folder));
afterAll(async () => {
  for (const program of started) await program.interrupt();
  site.close();
  await rm(home, { recursive: true, force: true });
});

const commands = readmeCommands(await readFile(new URL("../../README.md", import.meta.url), "utf8"));

test("from a clone to a gated page with a rule in shadow it takes at most six commands, and no file is edited", () => {
  const own = commands.findIndex((command) => command.startsWith("UPSTREAM_URL="));
  const enable = commands.findIndex((command) => command.startsWith("npx sluice enable "));
  // git clone, cd and npm ci come before.
  expect(3 + commands.slice(own, enable + 1).length).toBeLessThanOrEqual(6);
});

describe("README.md", () => {
  test.each(commands.map((command, i) => ({ i, command, line: command.split("\n")[0] })))(
    "$i: $line",
    { timeout: 6 * MINUTE_MS },
    async ({ command }) => {
      const way = ways.find(([pattern]) => pattern.test(command))?.[1];
      if (way === undefined) throw new Error(`this test does not know how a reader goes about: ${command}`);
      await way(command);
    },
  );
});

test.runIf(IS_ROOT)(
  "a user other than root starts it as well, with an absolute DATA_DIR",
  { timeout: 3 * MINUTE_MS },
  async () => {
    const place = await mkdtemp(join(tmpdir(), "sluice-nobody-"));
    try {
      const [own, data] = [join(place, "sluice"), join(place, "Daten für Sluice")];
      // The same files by hard links; folders of its own, which the user may write to.
      execFileSync("cp", ["-al", folder, own]);
      await rm(join(own, ".data"), { recursive: true });
      execFileSync("find", [place, "-type", "d", "-exec", "chown", `${NOBODY}:${NOBODY}`, "{}", "+"]);
      const [edge, origin, shop] = [await freePort(), await freePort(), await freePort()];
      const ports = { EDGE_PORT: String(edge), ORIGIN_PORT: String(origin), SHOP_PORT: String(shop) };
      const program = runProgram("npm start", {
        cwd: own,
        env: {
          ...env,
          ...ports,
          HOME: place,
          TMPDIR: place,
          npm_config_cache: join(place, "npm"),
          DATA_DIR: data,
        },
        wrap: ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"],
      });
      started.push(program);
      await program.shows("Ctrl-C stops everything.", MINUTE_MS);
      expect(program.screen()).toContain(join(data, "secrets.json"));
      expect((await fetch(`http://127.0.0.1:${edge}`)).status).toBe(200);
      await program.interrupt();
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  },
);
