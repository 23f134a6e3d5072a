// A backup is made while the origin works, and restored into another place: nothing is lost, and nothing is counted twice.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runningPostgres, startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { migrate } from "../../origin/db/migrate.ts";
import { runCli } from "../support/cli.ts";
import { ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { jsonRequest } from "../support/otlp-spans.ts";
import { waitFor } from "../support/telemetry.ts";

const FEATURE = "feat_saved";
const REASON = "größer\tals\n\\.\nvorher \\N";
const LEFT_OUT = new Set(["sessions", "sign_in_codes", "idempotency_keys", "schema_migrations"]);

const home = await mkdtemp(join(tmpdir(), "sluice-backup-"));
const folder = join(home, "first");
const file = join(home, "saved.sql.zst");
/** Units meet the feature, and half of them act: the same request can be sent again, as a sender does. */
const request = JSON.stringify(
  jsonRequest(
    Array.from({ length: 200 }, (_, unit) => ({
      feature: FEATURE,
      unit: `unit-${unit}`,
      variant: unit % 10 === 0 ? "holdout" : "treatment",
      epoch: 1,
      ...(unit % 2 === 0 ? { activated: true } : {}),
    })),
  ),
);

const report = async (origin: OriginUnderTest): Promise<void> => {
  const answer = await fetch(`${origin.url}/v1/traces`, {
    method: "POST",
    headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
    body: request,
  });
  expect(answer.status).toBe(200);
};

type Counted = { exposed: number; activated: number; requests: number };

const ask = async <T extends object>(url: string, statement: string): Promise<T[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(statement)).rows;
  } finally {
    await client.end();
  }
};

const countedIn = async (url: string): Promise<Counted> => {
  const [row] = await ask<Counted>(
    url,
    `select (select coalesce(sum(units), 0)::int from outcome_counts where signal = 'exposure') as exposed,
            (select coalesce(sum(units), 0)::int from outcome_counts where signal = 'activation') as activated,
            (select coalesce(sum(requests), 0)::int from latency_sketches) as requests`,
  );
  if (row === undefined) throw new Error("nothing was answered");
  return row;
};

/** Every table's content, whatever the order of its rows. */
const contentOf = async (url: string): Promise<Record<string, string>> => {
  const tables = await ask<{ name: string }>(
    url,
    `select c.relname as name from pg_class c
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1`,
  );
  const content: Record<string, string> = {};
  for (const { name } of tables) {
    if (LEFT_OUT.has(name)) continue;
    const [row] = await ask<{ hash: string }>(
      url,
      `select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) as hash from ${name} t`,
    );
    content[name] = row?.hash ?? "";
  }
  return content;
};

let first: OriginUnderTest;
let firstUrl: string;
let saved: Awaited<ReturnType<typeof runCli>>;

beforeAll(async () => {
  first = await startOrigin({ DATA_DIR: folder });
  await first.admin("POST", "/features", { featureId: FEATURE, rolloutBps: 9_000, holdoutBps: 1_000 });
  await first.admin("POST", `/features/${FEATURE}/enable`, { reason: REASON });
  await first.admin("POST", "/features", { featureId: "feat_closed", tags: ["shop"], enabled: true });
  await first.admin("POST", "/features/feat_closed/rollback", { reason: "it breaks" });
  await report(first);
  firstUrl = (await runningPostgres(folder)) ?? "";
  await waitFor(async () => {
    const { exposed, requests } = await countedIn(firstUrl);
    return exposed === 200 && requests === 200 ? true : undefined;
  });
  saved = await runCli(["backup", "--out", file], { DATA_DIR: folder });
});
afterAll(async () => {
  await first.end("SIGTERM");
  await rm(home, { recursive: true, force: true });
});

/** A database without tables, for as long as `work` takes. */
const withEmpty = async <T>(work: (url: string) => Promise<T>): Promise<T> => {
  const name = `empty_${Math.trunc(performance.now() * 1_000)}`;
  await ask(firstUrl, `create database ${name}`);
  const url = new URL(firstUrl);
  url.pathname = `/${name}`;
  try {
    return await work(url.href);
  } finally {
    await ask(firstUrl, `drop database ${name} with (force)`);
  }
};

const restoreInto = (url: string, from = file) => runCli(["restore", from, "--json"], { DATABASE_URL: url });

test("a backup is made while the origin works, and says what it does not hold", () => {
  expect(saved).toMatchObject({ code: 0, out: "" });
  expect(saved.error).toMatch(/^Saved \d+ rows of \d+ tables\. The keys are not among them/);
});

test("a backup that is there is not overwritten, and a folder is no file", async () => {
  const before = await readFile(file);
  expect(await runCli(["backup", "--out", file], { DATA_DIR: folder })).toMatchObject({
    code: 2,
    error: expect.stringContaining(
      `--out: ${file} is there already; name another file, or replace it with --force`,
    ),
  });
  expect(await readFile(file)).toEqual(before);
  expect(await runCli(["backup", "--out", home], { DATA_DIR: folder })).toMatchObject({
    code: 2,
    error: expect.stringContaining(`--out: ${home} is a folder; name a file`),
  });
});

test("it is restored whole: each table has the same rows", async () => {
  // Nothing that the running origin writes all the time.
  await first.end("SIGTERM");
  const still = await runCli(["backup", "--out", file, "--force"], { DATA_DIR: folder });
  expect(still.code).toBe(0);
  const server = await startEmbeddedPostgres({ dataDir: folder });
  try {
    firstUrl = server.url;
    await withEmpty(async (url) => {
      const restored = await restoreInto(url);
      expect(restored.error).toMatch(/^Restored/);
      expect(JSON.parse(restored.out)).toMatchObject({ verified: true, auditRows: 4 });
      expect(await contentOf(url)).toEqual(await contentOf(server.url));
      const [reason] = await ask<{ reason: string }>(url, "select reason from rollback_audit where seq = 2");
      expect(reason?.reason).toBe(REASON);
    });
  } finally {
    await server.stop();
    first = await startOrigin({ DATA_DIR: folder });
    firstUrl = (await runningPostgres(folder)) ?? "";
  }
});

test("an origin goes on with what was restored, and counts nobody twice who is reported again", async () => {
  const second = join(home, "second");
  const restored = await runCli(["restore", file], { DATA_DIR: second });
  expect(restored.error).toMatch(/^Restored/);
  const origin = await startOrigin({ DATA_DIR: second });
  try {
    expect(await origin.admin("GET", "/audit/verify")).toMatchObject({ ok: true, rows: 4 });
    expect(await origin.admin("GET", "/features/feat_closed")).toMatchObject({
      enabled: false,
      tags: ["shop"],
    });
    await report(origin);
    const others = JSON.stringify(
      jsonRequest([{ feature: FEATURE, unit: "later", variant: "treatment", epoch: 1 }]),
    );
    await fetch(`${origin.url}/v1/traces`, {
      method: "POST",
      headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
      body: others,
    });
    const url = (await runningPostgres(second)) ?? "";
    const counted = await waitFor(async () => {
      const now = await countedIn(url);
      return now.exposed > 200 ? now : undefined;
    });
    expect(counted).toEqual({ ...(await countedIn(firstUrl)), exposed: 201, requests: 201 });
    await origin.admin("POST", "/features/feat_closed/enable", { reason: "it is mended" });
    expect(await origin.admin("GET", "/audit/verify")).toMatchObject({ ok: true, rows: 5 });
  } finally {
    await origin.end("SIGTERM");
  }
});

describe("nothing is restored", () => {
  const script = async (): Promise<string> => zstdDecompressSync(await readFile(file)).toString();

  test.each<[string, (text: string) => string | Buffer, RegExp]>([
    ["from a backup that was cut off", (text) => text.slice(0, text.lastIndexOf("commit;")), /was cut off/],
    ["from a packed file that was cut off", (text) => zstdCompressSync(text).subarray(0, -40), /was cut off/],
    ["from one in which a row was changed", (text) => text.replace("it breaks", "it works"), /SHA-256/],
    [
      "from one that lacks a row",
      (text) => text.replace(/(copy feature_flags [^\n]*\n)[^\n]*\n/, "$1"),
      /SHA-256|rows of feature_flags/,
    ],
    [
      "from one of a newer version",
      (text) => text.replace(/"migrations":\[/, '"migrations":["9999_of_tomorrow",'),
      /newer: this version does not know 9999_of_tomorrow/,
    ],
    ["from what is no backup", () => "hello\n", /no backup of Sluice/],
  ])("%s", async (_, spoil, message) => {
    const spoilt = join(home, "spoilt");
    await writeFile(spoilt, spoil(await script()));
    await withEmpty(async (url) => {
      const restored = await runCli(["restore", spoilt], { DATABASE_URL: url });
      expect(restored.error).toMatch(message);
      expect(restored).toMatchObject({ code: 1, out: "" });
      const [table] = await ask<{ name: string | null }>(
        url,
        "select to_regclass('feature_flags')::text as name",
      );
      const features = table?.name == null ? [] : await ask(url, "select from feature_flags");
      expect(features).toEqual([]);
    });
  });

  test("into a database that an origin works with, or has worked with", async () => {
    expect(await runCli(["restore", file], { DATABASE_URL: firstUrl })).toMatchObject({
      code: 1,
      error: expect.stringMatching(/an origin works with this database \(sluice-.*\)\. Stop it first/),
    });
    expect(await runCli(["restore", file], { DATA_DIR: folder })).toMatchObject({
      code: 1,
      error: expect.stringMatching(/is in use by process \d+, which listens on port \d+\. Stop it first/),
    });
    await withEmpty(async (url) => {
      expect(await restoreInto(url)).toMatchObject({ code: 0 });
      expect(await restoreInto(url)).toMatchObject({
        code: 1,
        error: expect.stringContaining("this database is in use: it has 2 features and revision 4"),
      });
    });
  });

  test("by a login that owns nothing, which one sentence says", async () => {
    await ask(firstUrl, "create role gate_origin login password 'hunter2hunter2' in role sluice_service");
    const asOrigin = (url: string): string =>
      Object.assign(new URL(url), { username: "gate_origin", password: "hunter2hunter2" }).href;
    await withEmpty(async (url) => {
      const intoEmpty = await runCli(["restore", file], { DATABASE_URL: asOrigin(url) });
      expect(await runCli(["migrate"], { DATABASE_URL: url })).toMatchObject({ code: 0 });
      const intoMigrated = await runCli(["restore", file], { DATABASE_URL: asOrigin(url) });
      for (const { code, error } of [intoEmpty, intoMigrated]) {
        expect(error).toMatch(
          /^sluice: this login may not restore: let the URL name the login that owns the database, .{1,120}\n$/,
        );
        expect(code).toBe(1);
      }
      await ask(url, "create role gate_nobody login password 'hunter2hunter2'");
      const asNobody = Object.assign(new URL(url), {
        username: "gate_nobody",
        password: "hunter2hunter2",
      }).href;
      await expect(migrate(asNobody)).rejects.toThrow("`grant sluice_service to gate_nobody`");
    });
  });

  test("from a folder that has no database: there is nothing to save", async () => {
    expect(
      await runCli(["backup", "--out", join(home, "none")], { DATA_DIR: join(home, "empty") }),
    ).toMatchObject({
      code: 1,
      error: expect.stringContaining("there is no database in DATA_DIR"),
    });
  });
});
