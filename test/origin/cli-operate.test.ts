// Operating features with the CLI alone, against a running origin: what a person reads and a script gets.
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCli, startCli } from "../support/cli.ts";
import { makeTestDatabase } from "../support/database.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";
import { startReceiver } from "../support/receiver.ts";
import { waitFor } from "../support/telemetry.ts";

const database = await makeTestDatabase();
const PUSH_KEYS = "k1:push-secret-of-the-receipts-0123456789abcdefghijklm";
const origin = await startOrigin({ NOTIFY_ALLOW_HOSTS: "127.0.0.1", DATABASE_URL: database.url, PUSH_KEYS });
afterAll(async () => {
  await origin.end("SIGTERM");
  await database.drop();
});

const environment = { SLUICE_URL: origin.url, SLUICE_TOKEN: ADMIN_TOKEN };
const sluice = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCli(args, { ...environment, ...env });

const admin = async (method: string, path: string, body: object) => {
  const response = await fetch(`${origin.url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    body: JSON.stringify(body),
  });
  expect(response.ok).toBe(true);
};
const makeFeature = (featureId: string, fields: object = {}) =>
  admin("POST", "/features", { featureId, enabled: true, rolloutBps: 2500, holdoutBps: 2500, ...fields });

describe("a feature's life at the command line", () => {
  test("status, why, rollback, enable: each says what it did, with the revision", async () => {
    await makeFeature("feat_checkout", { tags: ["checkout"] });
    expect((await sluice(["status"])).out).toMatch(
      /^FEATURE +STATE +ROLLOUT +HOLDOUT +WHY\nfeat_checkout +open +25 % +25 %/,
    );
    const why = await sluice(["why", "feat_checkout"]);
    expect(why.out).toContain("Open, and not judged: it has no rule.");

    const closed = await sluice(["rollback", "feat_checkout", "--reason", "the till is on fire"]);
    expect(closed).toMatchObject({ code: 0, error: "" });
    expect(closed.out).toMatch(/^feat_checkout is closed at revision \d+\n$/);
    expect((await sluice(["status"])).out).toMatch(/feat_checkout +ROLLED BACK .* the till is on fire/);
    expect((await sluice(["why", "feat_checkout"])).out).toContain("Rolled back: the till is on fire");

    const again = await sluice(["rollback", "feat_checkout", "--reason", "again"]);
    expect(again).toMatchObject({ code: 1, out: "" });
    expect(again.error).toMatch(/409: Conflict: the feature is closed already\n$/);

    const opened = await sluice(["enable", "feat_checkout", "--rollout", "10%", "--reason", "put out"]);
    expect(opened.out).toMatch(/^feat_checkout is open for 10 % at revision \d+\n$/);
  });

  test("rollback --tag closes all of them at one revision", async () => {
    await makeFeature("feat_a", { tags: ["search"] });
    await makeFeature("feat_b", { tags: ["search"] });
    const { out } = await sluice(["rollback", "--tag", "search", "--reason", "an incident"]);
    expect(out).toMatch(/^closed at revision \d+: feat_a, feat_b\n$/);
    expect((await sluice(["rollback", "--tag", "search", "--reason", "again"])).out).toBe(
      "nothing with the tag search was open\n",
    );
  });

  test("--json writes data alone", async () => {
    const status = await sluice(["status", "--json", "--tag", "search"]);
    expect(status.error).toBe("");
    expect(JSON.parse(status.out)).toMatchObject([
      { featureId: "feat_a", enabled: false },
      { featureId: "feat_b" },
    ]);
    expect(JSON.parse((await sluice(["why", "feat_a", "--json"])).out)).toMatchObject({
      featureId: "feat_a",
    });
  });
});

describe("receipt", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-receipt-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const check = (file: string, keys = PUSH_KEYS) => sluice(["receipt", "--check", file], { PUSH_KEYS: keys });

  test("of a feature and of a revision: decided by whom, committed when, and kept as a file that can be checked", async () => {
    await makeFeature("feat_receipt_a", { tags: ["receipts"] });
    await makeFeature("feat_receipt_b", { tags: ["receipts"] });
    const closed = await sluice(["rollback", "--tag", "receipts", "--reason", "a till is on fire"]);
    const revision = /revision (\d+)/.exec(closed.out)?.[1] ?? "";
    const one = await sluice(["receipt", "feat_receipt_a"]);
    expect(one.out).toMatch(
      /^feat_receipt_a was rolled back by admin at revision \d+, committed [\d-]+ [\d:.]+Z\n {2}a till is on fire\n {2}audit row \d+, hash [0-9a-f]{64}\n\nEvery edge has it\.\n$/,
    );
    const both = await sluice(["receipt", revision, "--json"]);
    expect(JSON.parse(both.out).receipts).toMatchObject([
      { receipt: { featureId: "feat_receipt_a" } },
      { receipt: { featureId: "feat_receipt_b" } },
    ]);

    const file = join(folder, "receipts.json");
    writeFileSync(file, both.out);
    expect(await check(file)).toMatchObject({
      code: 0,
      out: `the receipt of feat_receipt_a at revision ${revision} is genuine\nthe receipt of feat_receipt_b at revision ${revision} is genuine\n`,
    });
    writeFileSync(file, both.out.replace("on fire", "fine"));
    expect((await check(file)).code).toBe(1);
    expect((await check(file)).out).toContain("feat_receipt_a at revision");
    expect((await check(file, "k1:another-secret-0123456789abcdefghijklmnopqrstu")).code).toBe(1);
  });

  test.each([
    [["receipt", "999999"], 1, "404: Not Found: nothing was rolled back in revision 999999"],
    [["receipt"], 2, "name a FEATURE or a REVISION, or a file to --check"],
    [["receipt", "--check", "/nonexistent.json"], 2, "--check /nonexistent.json cannot be read"],
  ])("%j says what is wrong", async (args, exit, message) => {
    const { code, error } = await sluice(args, { PUSH_KEYS });
    expect(code).toBe(exit);
    expect(error).toContain(message);
  });
});

describe("status --wait", () => {
  const decide = (state: string) =>
    database.pool.query(
      `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
       values ('feat_waited', 1, 1, now(), 'enforce', 'WAIT', $1, 0, $2)`,
      [
        state,
        JSON.stringify({
          action: "WAIT",
          state,
          reason: `${state}: as the test says`,
          evidence: { tests: [], keep: [], sampleRatio: null },
          explained: [],
        }),
      ],
    );

  test("ends with 4 when the time is over, 0 when the feature is kept, 3 when it is rolled back", async () => {
    await makeFeature("feat_waited");
    const wait = (timeout: string) => sluice(["status", "feat_waited", "--wait", "--timeout", timeout]);
    expect((await wait("1s")).code).toBe(4);

    const kept = wait("30s");
    await decide("TESTING");
    await decide("KEEP");
    expect(await kept).toMatchObject({ code: 0 });

    await decide("TESTING");
    const rolledBack = wait("30s");
    await admin("POST", "/features/feat_waited/rollback", { reason: "it failed" });
    expect(await rolledBack).toMatchObject({ code: 3, out: "Rolled back: it failed\n" });
  });
});

test("tokens: made, used, listed, revoked", async () => {
  const made = await sluice(["tokens", "create", "night shift", "--scope", "viewer", "--expires", "90d"]);
  const secret = made.out.trim();
  expect(secret).toMatch(/^sluice_[\w-]{43}$/);
  const own = { SLUICE_TOKEN: secret };
  expect((await sluice(["status"], own)).code).toBe(0);
  const refused = await sluice(["rollback", "feat_checkout", "--reason", "may I?"], own);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.error).toContain("403: Forbidden: this needs a token with the scope editor");
  const { out } = await sluice(["tokens", "list"]);
  expect(out).toMatch(/night shift +viewer +any +good/);
  const id = /tok_\w+/.exec(out)?.[0] ?? "";
  expect((await sluice(["tokens", "revoke", id])).code).toBe(0);
  expect((await sluice(["tokens", "list"])).out).toMatch(/night shift +viewer +any +revoked/);
});

test("audit verify says whether the audit is whole, asked over the API", async () => {
  const { code, out } = await sluice(["audit", "verify", "--from", "2"]);
  expect(out).toMatch(/^audit is whole: rows 2 to \d+, head [0-9a-f]{64}\n$/);
  expect(code).toBe(0);
  const asJson = await sluice(["audit", "verify", "--json"]);
  expect(JSON.parse(asJson.out)).toMatchObject({ ok: true, from: 1 });
  // A database of somebody else that is named in the environment is not asked.
  const elsewhere = await sluice(["audit", "verify"], { DATABASE_URL: "postgres://127.0.0.1:1/x" });
  expect(elsewhere).toMatchObject({ code: 0 });
});

test("watch writes a line for each change as it comes", async () => {
  const { child, said } = startCli(["watch"], environment);
  try {
    await waitFor(async () => said.error.includes("watching"));
    await makeFeature("feat_watched");
    await waitFor(async () => /feat_watched {2}create by admin at revision \d+: created\n/.test(said.out));
  } finally {
    child.kill("SIGINT");
    await once(child, "exit");
  }
});

test.each([
  [["rollback", "--reason", "x"], "name a FEATURE or a --tag, and not both"],
  [["rollback", "feat_a", "--tag", "b", "--reason", "x"], "name a FEATURE or a --tag, and not both"],
  [["rollback", "feat_a"], "Missing required argument: --reason"],
  [
    ["enable", "feat_a", "--reason", "x", "--rollout", "0.25"],
    "--rollout must be a share such as 25% or 0.5%",
  ],
  [
    ["enable", "feat_a", "--reason", "x", "--rollout", "101%"],
    "--rollout must be a share such as 25% or 0.5%",
  ],
  [["ramp", "feat_a", "--reason", "why"], "say --pause or --resume"],
  [["status", "--wait"], "--wait needs a FEATURE"],
  [
    ["status", "feat_a", "--wait", "--timeout", "soon"],
    "--timeout must be a time such as 90s, 10m, 2h or 1d",
  ],
])("%j is refused with what is wrong", async (args, message) => {
  const { code, out, error } = await sluice(args);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(error).toContain(`sluice: ${message}\n`);
});

test("notifications: added, tried, listed, removed, and no secret is shown twice", async () => {
  const receiver = await startReceiver();
  try {
    const url = `${receiver.url}/in`;
    const told = ["--event", "feature.rolledBack,feature.kept", "--tag", "till"];
    const added = await sluice(["notifications", "add", "ci", "--type", "webhook", "--url", url, ...told]);
    expect(added).toMatchObject({ code: 0, out: expect.stringMatching(/^whsec_[\w+/=]{44}\n$/) });
    expect(added.error).toContain("ci is told of feature.rolledBack, feature.kept of tag till");
    expect((await sluice(["notifications", "test", "ci"])).out).toMatch(
      /^ci took the message within \d+ ms\n$/,
    );
    expect(receiver.at("/in")).toHaveLength(1);
    receiver.state.answer = { status: 403, body: "invalid_token" };
    expect(await sluice(["notifications", "test", "ci"])).toMatchObject({
      code: 1,
      out: "ci did not take the message: it answered 403: invalid_token\n",
    });
    const { out } = await sluice(["notifications", "list"]);
    expect(out).toMatch(
      /^NAME +TYPE +ADDRESS +WAITING +STATE +TOLD OF\nci +webhook +http:.*\/in +0 +nothing sent yet/,
    );
    expect(out).not.toContain("whsec_");
    expect(JSON.parse((await sluice(["notifications", "list", "--json"])).out)).toMatchObject([
      { name: "ci", tags: ["till"] },
    ]);
    expect((await sluice(["notifications", "remove", "ci"])).error).toBe("ci is removed\n");
    expect((await sluice(["notifications", "list"])).error).toBe("there are no notification targets\n");
    expect(await sluice(["notifications", "add", "x", "--type", "slack"])).toMatchObject({
      code: 2,
      out: "",
    });
    const metadata = "https://169.254.169.254/";
    const refused = await sluice(["notifications", "add", "x", "--type", "slack", "--url", metadata]);
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining("private network") });
  } finally {
    await receiver.stop();
  }
});

test("hooks: made in shadow, tried out, enforced, asked what came, deleted", async () => {
  await makeFeature("feat_alarmed", { tags: ["alarmed"] });
  const made = await sluice(["hooks", "create", "am", "--source", "alertmanager", "--allow-tag", "alarmed"]);
  expect(made.error).toContain("am is in shadow: it records what it would close (tag alarmed).");
  const secret = made.out.trim();
  expect(secret).toMatch(/^sluice_hook_[\w-]{43}$/);
  expect((await sluice(["hooks", "deliveries", "am"])).error).toBe("nothing came yet\n");

  const tried = await sluice(["hooks", "test", "am", "--feature", "feat_alarmed"]);
  expect(tried.out).toMatch(/wouldRollBack +would close feat_alarmed\n$/);
  expect(tried.error).toContain("am is in shadow");
  expect((await sluice(["hooks", "test", "am", "--feature", "feat_other"])).out).toMatch(/notAllowed/);
  expect((await sluice(["hooks", "enforce", "am"])).error).toBe("am closes from now on (tag alarmed)\n");

  const alerts = [
    {
      status: "firing",
      labels: { alertname: "Tills", sluice_tag: "alarmed" },
      startsAt: new Date(),
      fingerprint: "f",
    },
  ];
  const send = (token: string) =>
    fetch(`${origin.url}/admin/v1/hooks/am`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ alerts }),
    });
  expect((await send("not-the-secret-of-it")).status).toBe(401);
  expect((await send(secret)).status).toBe(200);
  expect((await sluice(["hooks", "deliveries", "am"])).out).toMatch(
    /^AT .*\n.* enforce +Tills +rolledBack +closed feat_alarmed\n$/,
  );
  expect((await sluice(["hooks", "list"])).out).toMatch(
    /^am +alertmanager +enforce +tag alarmed +.*the secret in its Authorization header/m,
  );
  expect((await sluice(["hooks", "delete", "am"])).error).toBe("am is deleted\n");
  expect((await sluice(["hooks", "list"])).error).toBe("there are no hooks\n");
});

describe("segments at the command line", () => {
  const condition = '{"attribute": "claim:beta", "operator": "equals", "value": true}';

  test("set creates one and changes it with its features, show writes its condition, delete takes it away unused", async () => {
    const made = await sluice(["segments", "set", "beta", "--condition", condition]);
    expect(made).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^beta is created at revision \d+\n$/),
    });
    await makeFeature("feat_segmented", { targeting: { segment: "beta" } });
    expect((await sluice(["segments", "list"])).out).toMatch(/^SEGMENT .*\nbeta +1 +1 +0/);
    const shown = await sluice(["segments", "show", "beta"]);
    expect(JSON.parse(shown.out)).toEqual(JSON.parse(condition));
    expect(shown.error).toContain("used by feat_segmented");
    const changed = await sluice([
      "segments",
      "set",
      "beta",
      "--description",
      "wave two",
      "--condition",
      '{"attribute":"claim:beta","operator":"in","values":[1,2]}',
    ]);
    expect(changed.out).toMatch(/^beta is changed at revision \d+\n$/);
    expect(changed.error).toContain("1 feature changed with it");
    const used = await sluice(["segments", "delete", "beta"]);
    expect(used).toMatchObject({ code: 1, out: "", error: expect.stringContaining("feat_segmented") });
    expect(await sluice(["segments", "set", "nobody"])).toMatchObject({ code: 2 });
    expect(await sluice(["segments", "set", "beta", "--condition", "{"])).toMatchObject({
      code: 2,
      error: expect.stringContaining("--condition is not JSON"),
    });
    await sluice(["segments", "set", "unused", "--condition", condition]);
    expect(await sluice(["segments", "delete", "unused", "--reason", "tidy"])).toMatchObject({
      code: 0,
      out: "",
    });
  });

  test("evaluate says who gets a feature, and which conditions are met", async () => {
    const { out } = await sluice([
      "evaluate",
      "feat_segmented",
      "--unit",
      "anon-1",
      "--claims",
      '{"beta": 3}',
    ]);
    expect(out).toBe(
      "feat_segmented: anon-1 does not get it (off)\nthe request is not targeted\n\n✗ segment beta\n  ✗ claim:beta in [1,2] (has 3)\n",
    );
    const json = await sluice([
      "evaluate",
      "feat_segmented",
      "--unit",
      "anon-1",
      "--targeting",
      "null",
      "--json",
    ]);
    expect(JSON.parse(json.out)).toMatchObject({ why: "bucket", targeting: null });
  });
});
