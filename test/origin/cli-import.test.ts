// `sluice import`: the report comes first, a file is written or a plan applied afterwards, and hostile files end in one line.
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";
import { makeTestDatabase } from "../support/database.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";

const folder = await mkdtemp(join(tmpdir(), "sluice-import-"));
const database = await makeTestDatabase();
const origin = await startOrigin({ DATABASE_URL: database.url });
afterAll(async () => {
  await origin.end("SIGTERM");
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const sluice = (args: readonly string[]) =>
  runCli(args, { SLUICE_URL: origin.url, SLUICE_TOKEN: ADMIN_TOKEN });
const example = (name: string): string => `test/spec/import/${name}`;

test("without a place to write to it reports item by item, and changes nothing", async () => {
  const args = ["import", "unleash", example("unleash-export.json"), "--environment", "production"];
  const { code, out, error } = await sluice(args);
  expect(code).toBe(0);
  expect(out).toMatch(/^checkout\n {4}dropped {2}variants: /);
  expect(out).toContain('    kept     constraint: "country IN DE, AT", by country\n');
  expect(out).toContain("6 features: 2 whole, 3 with something dropped, 1 not imported. All are closed.");
  expect(out).toContain("Their targeting reads claim:appVersion, claim:bot, claim:sub, country;");
  expect(error).toMatch(/^Nothing was written\./);
  expect(await origin.admin("GET", "/features")).toMatchObject({ features: [] });
});

test("--write makes a file that is valid and planned as it is, and never overwrites one", async () => {
  const path = join(folder, "growthbook.yaml");
  const args = ["import", "growthbook", example("growthbook-payload.json"), "--write", path];
  expect(await sluice(args)).toMatchObject({ code: 0, error: expect.stringContaining("is written") });
  const written = await readFile(path, "utf8");
  expect(written).toContain("source: import-growthbook");
  expect((await sluice(["validate", "-f", path])).out).toContain("6 features in 1 file, all valid");
  expect(JSON.parse((await sluice(["plan", "-f", path, "--json"])).out)).toMatchObject({
    counts: { create: 6 },
  });
  expect(await sluice(args)).toMatchObject({ code: 2, error: expect.stringContaining("exists already") });
  expect(await readFile(path, "utf8")).toBe(written);
});

test("--apply makes closed features in one revision, owned by their source, and asks where nobody can answer", async () => {
  const args = ["import", "flagd", example("flagd.yaml"), "--attributes", "email=header:X-Email", "--apply"];
  expect(await sluice(args)).toMatchObject({ code: 2, error: expect.stringContaining("say --yes") });
  const applied = await sluice([...args, "--yes", "--json"]);
  expect(applied).toMatchObject({ code: 0 });
  expect(JSON.parse(applied.out)).toMatchObject({ imported: { length: 4 }, plan: { counts: { create: 4 } } });
  expect(await origin.admin("GET", "/features/checkout")).toMatchObject({
    enabled: false,
    rolloutBps: 2_000,
    owner: "payments",
    managedBy: { source: "import-flagd" },
  });
  const { entries } = await origin.admin("GET", "/audit?featureId=checkout");
  expect(entries).toMatchObject([{ action: "create", reason: "imported from flagd" }]);
});

describe("what cannot be imported is one line and exit code 2", () => {
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };
  const refused = async (path: string, message: RegExp, more: readonly string[] = []) => {
    const { code, out, error } = await sluice(["import", "flagd", path, ...more]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(error.split("\n")[0]).toMatch(message);
  };

  test("a file of 100 MB, before it is read", async () => {
    const path = await write("huge.json", "{");
    await truncate(path, 100 * 1024 * 1024);
    await refused(path, /has more than 16 MiB/);
  });

  test("a key that stands twice, nesting without end, what is no text, and another system's file", async () => {
    await refused(
      await write("twice.json", '{"flags":{"a":{"state":"ENABLED"},\n"a":{}}}'),
      /twice\.json:2:1: "a" stands here twice/,
    );
    await refused(await write("deep.json", "[".repeat(100_000)), /deep\.json:\d+:\d+: /);
    await refused(
      await write("bomb.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nflags: {c: [*b, *b]}\n"),
      /flagd: flags/,
    );
    await writeFile(join(folder, "binary.json"), Buffer.from([0xff, 0xfe, 0x00]));
    await refused(join(folder, "binary.json"), /is not text in UTF-8/);
    await refused(example("unleash-export.json"), /this is no flag definition of flagd: flags/);
    await refused(join(folder, "nowhere.json"), /there is no file/);
  });

  test("an attribute that Sluice does not have, and an environment where there are none", async () => {
    await refused(example("flagd.yaml"), /--attributes must be pairs/, ["--attributes", "plan=ip"]);
    await refused(example("flagd.yaml"), /flagd have no environments|unknown|environment/i, [
      "--environment",
      "x",
    ]);
  });
});
