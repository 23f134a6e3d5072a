// The containers of deploy/kubernetes as plain processes: with the environment that the manifests give them they become ready
// on a real PostgreSQL and Redis, in the order that the Job makes, by logins with the rights that they should have.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { z } from "zod";
import { freePort } from "../../origin/db/free-port.ts";
import { renderManifests } from "../support/manifests.ts";
import { startRedis } from "../support/redis.ts";
import { eventually } from "../support/stack.ts";

const MINUTE_MS = 60_000;
const main = fileURLToPath(new URL("../../origin/main.ts", import.meta.url));
const name = `kubernetes_${randomBytes(4).toString("hex")}`;
const login = `${name}_service`;
const ownerUrl = new URL(inject("postgresUrl"));
ownerUrl.pathname = `/${name}`;
const serviceUrl = new URL(ownerUrl);
serviceUrl.username = login;
serviceUrl.password = "secret-of-the-service";

const asOwner = async (database: string, ...statements: readonly string[]): Promise<void> => {
  const url = new URL(ownerUrl);
  url.pathname = `/${database}`;
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
};

const Labels = z.record(z.string(), z.string());
const Running = z.looseObject({
  metadata: z.object({ name: z.string() }).loose(),
  spec: z.looseObject({
    template: z.looseObject({
      spec: z.looseObject({
        containers: z.tuple([
          z.looseObject({ env: z.array(z.object({ name: z.string(), value: z.string() })) }),
        ]),
      }),
    }),
  }),
});
const rendered = renderManifests("overlays/production");
const of = (kind: string) => rendered.filter((manifest) => manifest.kind === kind);
const [settings = { data: {} }] = z.array(z.looseObject({ data: Labels })).parse(of("ConfigMap"));

const started: { stop: () => Promise<number | null> }[] = [];
let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
  await asOwner("postgres", `create database ${name}`);
  // What a database administrator does once; the migrations give the role its rights, where they find it too.
  await asOwner(
    name,
    "do $$ begin create role sluice_service; exception when duplicate_object then null; end $$",
    `create role ${login} login password '${serviceUrl.password}' in role sluice_service`,
  );
}, MINUTE_MS);
afterAll(async () => {
  for (const { stop } of started) await stop();
  await redis.stop();
  await asOwner("postgres", `drop database ${name} with (force)`, `drop role ${login}`);
}, MINUTE_MS);

/** As the container of the manifest: settings, secrets, then its own variables. */
const run = async (manifest: z.infer<typeof Running>, databaseUrl: URL) => {
  const [{ env }] = manifest.spec.template.spec.containers;
  const port = await freePort();
  const secrets = {
    DATABASE_URL: databaseUrl.href,
    REDIS_URL: redis.url,
    ADMIN_TOKEN: "admin-token-of-the-tests-0123456789abcdefghijklm",
    INGEST_TOKEN: "ingest-token-of-the-tests-0123456789abcdefghijkl",
    PUSH_KEYS: "k1:push-secret-of-the-tests-0123456789abcdefghijklm",
    SESSION_KEYS: "k1:session-secret-of-the-tests-0123456789abcdefghij",
  };
  const own = Object.fromEntries(env.map((variable) => [variable.name, variable.value]));
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env["PATH"], ...settings.data, ...secrets, ...own, ORIGIN_PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = once(child, "exit").then(([code]) => (code === null ? null : Number(code)));
  started.push({
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  });
  return {
    name: manifest.metadata.name,
    output: () => output,
    ended,
    isReady: () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
  };
};

test(
  "all processes wait for the Job, which migrates and ends; then they are ready, by a login that may not migrate",
  async () => {
    const deployments = z.array(Running).parse(of("Deployment"));
    const processes = await Promise.all(deployments.map((manifest) => run(manifest, serviceUrl)));
    for (const { output } of processes)
      await eventually(async () => output().includes("another process has to run them"), MINUTE_MS);

    const [manifest] = z.array(Running).parse(of("Job"));
    if (manifest === undefined) throw new Error("there is no Job");
    const job = await run(manifest, ownerUrl);
    expect(await job.ended, job.output()).toBe(0);
    expect(job.output()).toContain("the database was migrated");

    for (const { name: process, isReady, output } of processes) {
      await eventually(isReady, MINUTE_MS).catch(() => {
        throw new Error(`${process} is not ready: ${output()}`);
      });
      expect(output(), process).not.toContain("the database was migrated");
      expect(output(), process).not.toContain("all the rights");
    }
    const first = started.slice(0, processes.length);
    expect(await Promise.all(first.map(({ stop }) => stop()))).toEqual(first.map(() => 0));
  },
  3 * MINUTE_MS,
);

test("a process that waits ends when it is asked to, and says why", async () => {
  const [manifest] = z.array(Running).parse(of("Deployment"));
  if (manifest === undefined) throw new Error("there is no Deployment");
  const empty = `${name}_empty`;
  await asOwner("postgres", `create database ${empty}`);
  try {
    const url = new URL(ownerUrl);
    url.pathname = `/${empty}`;
    const waiting = await run(manifest, url);
    await eventually(async () => waiting.output().includes("another process has to run them"), MINUTE_MS);
    expect(await started.at(-1)?.stop()).toBe(1);
    expect(waiting.output()).toContain("this process shall end");
  } finally {
    await asOwner("postgres", `drop database ${empty} with (force)`);
  }
});
