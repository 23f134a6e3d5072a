// What a person and a script get from a command of the CLI that fails.
import { afterAll, describe, expect, test } from "vitest";
import { parsePreview } from "../../shared/signing/preview.ts";
import { runCli as sluice } from "../support/cli.ts";
import { makeTestDatabase } from "../support/database.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";

const database = await makeTestDatabase();
const origin = await startOrigin({ DATABASE_URL: database.url });
afterAll(async () => {
  await origin.end("SIGTERM");
  await database.drop();
});

const hint = (command: string) => `\`npx sluice ${command} --help\` shows how it is used.\n`;

test.each([
  [["bogus"], "COMMAND", "Unknown command bogus"],
  [["statu"], "COMMAND", "Unknown command statu; did you mean status?"],
  [["tokens", "creat"], "tokens", "Unknown command tokens creat; did you mean tokens create?"],
  [["tokens"], "tokens", "say which: tokens create, tokens list, tokens revoke"],
  [["enable", "feat_a", "--rollot", "10%"], "enable", "unknown option --rollot; did you mean --rollout?"],
  [["status", "-x"], "status", "unknown option -x"],
  [["status", "--json=maybe"], "status", "--json takes no value"],
  [["rollback", "feat_a", "--reason"], "rollback", "--reason needs a value"],
  [["rollback", "feat_a", "--reason="], "rollback", "--reason needs a value"],
  [["why", "feat_a", "feat_b"], "why", '"feat_b" is one argument too many'],
  [["preview", "feat_a"], "preview", "Missing required argument: --site"],
  [["calibrate", "fäh"], "calibrate", "FEATURE may contain letters, digits and _ . : / - only"],
  [["plan-test", "--users-per-day", "many"], "plan-test", "--users-per-day must be a number"],
  [["capacity"], "capacity", "Missing required argument: --requests-per-second"],
  [
    ["capacity", "--requests-per-second", "-1"],
    "capacity",
    "--requests-per-second must be a number of at least 0",
  ],
  [
    ["capacity", "--requests-per-second", "10", "--features", "1.5"],
    "capacity",
    "--features must be a whole number of at least 0",
  ],
  [
    ["capacity", "--requests-per-second", "10", "--gated-share", "120%"],
    "capacity",
    "--gated-share must be a share such as 40%, at most 100%",
  ],
  [
    ["capacity", "--requests-per-second", "10", "--mean-share", "0%"],
    "capacity",
    "--mean-share must be a share such as 40% and more than 0%, at most 100%",
  ],
  [["audit", "verify", "--from", "first"], "audit verify", "--from must be the number of a row"],
  [["audit", "verify", "--origin", "localhost"], "audit verify", "--origin must be a URL"],
  [
    ["status", "--origin", "https://me:secret@sluice.example"],
    "status",
    "--origin must not hold a user or a password; SLUICE_TOKEN takes the token",
  ],
])("wrong arguments are one line and exit code 2: %j", async (args, command, message) => {
  const { code, out, error } = await sluice(args);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(error).toBe(`sluice: ${message}\n${hint(command)}`);
});

test("capacity prints what a traffic needs, beside the article's table, and the same as JSON", async () => {
  const args = ["capacity", "--requests-per-second", "1000000", "--features", "20"];
  const [text, json] = [await sluice(args), await sluice([...args, "--json"])];
  expect(text).toMatchObject({ code: 0, error: "" });
  expect(text.out).toContain(
    "For 1,000,000 requests/s and 1,000,000 spans/s in the busiest hour, 20 features:",
  );
  expect(text.out).toMatch(/^OTel Collector +\$0 +\$300$/m);
  const plan = JSON.parse(json.out);
  expect(plan.traffic).toMatchObject({ spansPerSecond: 1e6, rawShare: 0.01 });
  expect(plan.capacity.partitions).toBeGreaterThan(4);
  expect(plan.change.length).toBeGreaterThan(2);
  for (const line of plan.change) expect(text.out).toContain(line);
  const small = await sluice(["capacity", "--requests-per-second", "10"]);
  expect(small.out).toMatch(/ 1 process$/m);
  expect(small.out).not.toContain("1 processes");
});

describe("preview", () => {
  const args = ["preview", "feat_linked", "--site", "https://shop.example", "--to", "/x"];
  const PREVIEW_KEYS = "p1:preview-secret-of-the-tests-0123456789abcdefghijklmnop";

  test("prints a link for the feature's epoch", async () => {
    const body = JSON.stringify({ featureId: "feat_linked" });
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
    await fetch(`${origin.url}/admin/v1/features`, { method: "POST", headers, body });
    const asked = await sluice([...args, "--origin", origin.url], { ADMIN_TOKEN, PREVIEW_KEYS });
    expect(asked).toMatchObject({ code: 0, error: "" });
    const url = new URL(asked.out);
    expect(url.origin + url.pathname).toBe("https://shop.example/.sluice/preview");
    const preview = parsePreview(url.searchParams.get("token") ?? "");
    expect(preview).toMatchObject({ featureId: "feat_linked", epoch: 1, kid: "p1" });
  });

  test.each(["", "p1:too-short"])("with PREVIEW_KEYS=%j says what makes a key", async (keys) => {
    const { code, out, error } = await sluice([...args, "--origin", origin.url], {
      ADMIN_TOKEN,
      PREVIEW_KEYS: keys,
    });
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(error).toMatch(/^sluice: PREVIEW_KEYS must be kid:secret.*openssl rand -base64 32/);
  });
});

test("without a token the line says which variable takes it", async () => {
  const { code, error } = await sluice(["calibrate", "feat_a", "--origin", origin.url]);
  expect(code).toBe(2);
  expect(error).toBe(
    `sluice: run sluice login, or set SLUICE_TOKEN to an API token, or ADMIN_TOKEN to the admin token, which is among the origin's variables or shown by sluice start\n${hint("calibrate")}`,
  );
});

test("a token that the origin does not know is not repeated", async () => {
  const env = { ADMIN_TOKEN: "hunter2-hunter2" };
  const { code, error } = await sluice(["audit", "verify", "--origin", origin.url], env);
  expect(code).toBe(2);
  expect(error).toBe(
    `sluice: the origin at ${origin.url} does not know the token in ADMIN_TOKEN; it may be expired or revoked\n${hint("audit verify")}`,
  );
});

const failures: [string, { more?: string[]; env?: Record<string, string> }, string][] = [
  [
    "that the origin refuses",
    { more: ["--origin", origin.url], env: { ADMIN_TOKEN } },
    `the origin at ${origin.url} answers 404: `,
  ],
  [
    "when no origin answers",
    { more: ["--origin", "http://127.0.0.1:1"] },
    "no origin answers at http://127.0.0.1:1",
  ],
];

test.each(failures)("a command %s is one line and exit code 1", async (_, { more = [], env }, message) => {
  const { code, out, error } = await sluice(["calibrate", "feat_a", ...more], env);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(error).toMatch(/^sluice: .*\n$/);
  expect(error).toContain(message);
});

test("without a command it says what there is", async () => {
  const { code, out } = await sluice([]);
  expect(code).toBe(0);
  for (const command of [
    "serve",
    "status",
    "why",
    "watch",
    "rollback",
    "enable",
    "ramp",
    "tokens",
    "preview",
    "audit",
    "calibrate",
    "plan-test",
    "capacity",
  ])
    expect(out).toContain(command);
});
