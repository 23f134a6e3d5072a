// Features as configuration files at the command line: the real program against a running origin.
import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { runCli } from "../support/cli.ts";
import { makeTestDatabase } from "../support/database.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";

const database = await makeTestDatabase();
const origin = await startOrigin({ DATABASE_URL: database.url });
const folder = await mkdtemp(join(tmpdir(), "sluice-config-"));
afterAll(async () => {
  await origin.end("SIGTERM");
  await database.drop();
  await rm(folder, { recursive: true });
});

const sluice = (...args: readonly string[]) =>
  runCli(args, { SLUICE_URL: origin.url, SLUICE_TOKEN: ADMIN_TOKEN });
const file = join(folder, "shop.yaml");
const saved = (text: string) => writeFile(file, text);

const FEATURES = `# yaml-language-server: $schema=sluice-config.json
source: shop
features:
  # the new till
  feat_till:
    enabled: true
    rolloutBps: 1000 # a tenth
    tags: [checkout]
  feat_banner: {}
`;

test("plan, apply, change by hand, drift, export --merge, rollback: the file and the features meet again", async () => {
  await saved(FEATURES);
  const validated = await sluice("validate", "-f", folder);
  expect(validated).toMatchObject({ code: 0, out: "shop: 2 features in 1 file, all valid\n" });

  const planned = await sluice("plan", "-f", folder, "--detailed-exitcode");
  expect(planned).toMatchObject({ code: 2, error: "" });
  expect(planned.out).toContain("+ feat_till is created");
  expect(planned.out).toContain("Plan of shop: 2 to create; 0 stay as they are.");

  const unasked = await sluice("apply", "-f", folder);
  expect(unasked).toMatchObject({ code: 2 });
  expect(unasked.error).toContain("say --yes: there is no terminal to ask at. Nothing was applied");

  const { hash } = JSON.parse((await sluice("plan", "-f", folder, "--json")).out);
  const applied = await sluice("apply", "-f", folder, "--yes", "--hash", hash, "--reason", "the first");
  expect(applied).toMatchObject({ code: 0, error: "" });
  expect(applied.out).toMatch(/\nApplied at revision \d+\.\n$/);
  expect(await sluice("plan", "-f", folder, "--detailed-exitcode")).toMatchObject({
    code: 0,
    out: "Plan of shop: nothing to change; 2 stay as they are.\n",
  });
  expect((await sluice("apply", "-f", folder, "--yes", "--hash", hash)).error).toContain(
    "nothing was applied",
  );

  const status = { method: "POST", headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };
  const body = JSON.stringify({ rolloutBps: 2500, reason: "by hand" });
  await fetch(`${origin.url}/admin/v1/features/feat_till/rollout`, { ...status, body });
  const drift = await sluice("drift", "--detailed-exitcode");
  expect(drift).toMatchObject({ code: 2 });
  expect(drift.out).toMatch(
    /^feat_till {2}\(.*shop.yaml of shop\)\n {4}rolloutBps: 1000 in the file, 2500 now\n$/,
  );
  const comment = await sluice("plan", "-f", folder, "--markdown");
  expect(comment.out).toContain("+   rolloutBps: 1000  # changed by hand; the file takes it back");

  expect((await sluice("export", "--merge", file)).error).toContain("feat_till brought up to date");
  expect(await readFile(file, "utf8")).toBe(FEATURES.replace("1000 # a tenth", "2500 # a tenth"));
  expect((await sluice("apply", "-f", folder, "--yes")).error).toBe("Everything is as the files say.\n");
  expect(await sluice("drift", "--detailed-exitcode")).toMatchObject({ code: 0 });

  await sluice("rollback", "feat_till", "--reason", "on fire");
  const closed = await sluice("plan", "-f", folder, "--detailed-exitcode");
  expect(closed).toMatchObject({ code: 0 });
  expect(closed.out).toMatch(
    /note: stays rolled back since .* \(on fire\): `sluice enable feat_till` opens it/,
  );
  const exported = await sluice("export", "--source", "shop");
  expect(exported.out).toContain("# Rolled back since");
});

test("a file's segments are planned, applied, changed by hand and merged back at the command line", async () => {
  const text =
    "source: home\nsegments:\n  # who\n  home:\n    condition: {attribute: country, operator: equals, value: DE}\nfeatures:\n  feat_home:\n    targeting: {segment: home}\n";
  const home = join(folder, "home.yml");
  await writeFile(home, text);
  expect((await sluice("validate", "-f", home)).out).toBe(
    "home: 1 feature and 1 segment in 1 file, all valid\n",
  );
  const applied = await sluice("apply", "-f", home, "--yes");
  expect(applied).toMatchObject({ code: 0, error: "" });
  expect(applied.out).toContain(`+ segment home is created  (${home})`);
  const austria = JSON.stringify({ attribute: "country", operator: "equals", value: "AT" });
  await sluice("segments", "set", "home", "--condition", austria);
  const drift = await sluice("drift", "--source", "home", "--detailed-exitcode");
  expect(drift).toMatchObject({ code: 2 });
  expect(drift.out).toContain(`segment home  (${home} of home)\n    condition: `);
  const planned = await sluice("plan", "-f", home);
  expect(planned.out).toContain(
    '    condition.value: "AT" → "DE"  (changed by hand; the file takes it back)\n    note: changes the targeting of feat_home\n',
  );
  expect((await sluice("export", "--merge", home)).error).toContain("segment home brought up to date");
  expect(await readFile(home, "utf8")).toBe(text.replace("DE", "AT"));
  expect((await sluice("plan", "-f", home)).out).toBe("Plan of home: nothing to change; 1 stays as it is.\n");
  await writeFile(home, "source: home\nsegments:\n  home:\n    condition: {segment: nowhere}\n");
  expect((await sluice("plan", "-f", home)).error).toContain(
    `${home}:4:16: segments.home.condition: no such segment: nowhere`,
  );
  await rm(home);
});

test("what only the origin knows to be wrong is named by its place in the file", async () => {
  await saved(
    "source: shop\nfeatures:\n  feat_till: {enabled: true}\n  feat_new:\n    requires:\n      - feat_nowhere\n",
  );
  const refused = await sluice("plan", "-f", file, "--detailed-exitcode");
  expect(refused).toMatchObject({ code: 1, out: "" });
  expect(refused.error).toBe(
    `${file}:6:7: features.feat_new.requires: no such feature: feat_nowhere\nsluice: 1 error: nothing was planned\n`,
  );
  const missing = await sluice("plan", "-f", join(folder, "nothing"), "--detailed-exitcode");
  expect(missing).toMatchObject({ code: 1, out: "" });
});

const run = promisify(execFile);
const Workflow = z.object({
  on: z.object({ pull_request: z.unknown(), push: z.unknown() }),
  jobs: z.record(
    z.enum(["plan", "apply"]),
    z.looseObject({
      "runs-on": z.string(),
      steps: z.array(z.looseObject({ name: z.string().optional(), run: z.string().optional() })),
    }),
  ),
});

test("the example's files are valid for editors and are applied by the example's workflow", async () => {
  const schema: unknown = await (await fetch(`${origin.url}/schemas/sluice-config.json`)).json();
  const validate = formats.default(new Ajv({ strict: false })).compile(z.looseObject({}).parse(schema));
  for (const name of ["sluice.yaml", "features/checkout.yaml", "features/recommendations.yaml"])
    expect({ name, isValid: validate(parse(await readFile(`examples/config/${name}`, "utf8"))) }).toEqual({
      name,
      isValid: true,
    });
  for (const wrong of [
    { features: { a: { rollout: 1 } } },
    { features: { "a b": {} } },
    { features: { a: { gate: { upstrem: "https://a" } } } },
    { features: { a: { targeting: { operator: "equal", attribute: "country", value: "DE" } } } },
  ])
    expect({ wrong, isValid: validate(wrong) }).toEqual({ wrong, isValid: false });

  const workflow = Workflow.parse(parse(await readFile("examples/github-workflow/sluice.yml", "utf8")));
  const scriptOf = (job: "plan" | "apply", name: string) =>
    workflow.jobs[job].steps.find((step) => step.name === name)?.run ?? "exit 99";
  const gh = join(folder, "gh");
  await writeFile(gh, `#!/bin/sh\necho "$@" > ${folder}/asked; cp plan.md ${folder}/comment.md\n`);
  await chmod(gh, 0o755);
  const env = {
    PATH: [folder, dirname(process.execPath), process.env["PATH"]].join(delimiter),
    SLUICE_URL: origin.url,
    SLUICE_TOKEN: ADMIN_TOKEN,
    SLUICE_CLI: join(process.cwd(), "origin/cli/main.ts"),
    CONFIG: join(process.cwd(), "examples/config"),
    GITHUB_STEP_SUMMARY: join(folder, "summary.md"),
    PULL_REQUEST: "7",
    REASON: "4711abc",
  };
  const bash = (script: string) => run("bash", ["-eo", "pipefail", "-c", script], { cwd: folder, env });
  await bash(scriptOf("plan", "Validate"));
  await bash(scriptOf("plan", "Plan"));
  expect(await readFile(join(folder, "comment.md"), "utf8")).toContain("### Sluice: 2 to create");
  expect(await readFile(join(folder, "asked"), "utf8")).toMatch(/^pr comment 7 --body-file plan\.md/);
  expect((await bash(scriptOf("apply", "Apply"))).stdout).toMatch(/Applied at revision \d+/);
  const audit = await fetch(`${origin.url}/admin/v1/audit?featureId=example_checkout`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  expect(await audit.json()).toMatchObject({ entries: [{ reason: "commit 4711abc" }] });
});
