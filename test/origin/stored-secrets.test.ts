// Secrets in the database: encrypted, tied to their rows, and read by those alone who have the key. On a real database, with the
// loop that tells news and with hooks that verify their senders.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { withSnapshot, writeBackup } from "../../origin/cli/backup/write-backup.ts";
import { withClient } from "../../origin/db/pool.ts";
import { makeHookSecrets } from "../../origin/hooks/hook-secrets.ts";
import { makeTargetSecrets } from "../../origin/notifications/target-secrets.ts";
import { startSecretsUpkeep, storedSecretChecks } from "../../origin/runtime/secrets-upkeep.ts";
import { makeStoredSecrets } from "../../origin/runtime/stored-secrets.ts";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { makeAdminApp } from "../support/admin-app.ts";
import { runCli } from "../support/cli.ts";
import { makeTestDatabase } from "../support/database.ts";
import { makeTestLog } from "../support/log.ts";
import { letTimePass, startNews } from "../support/news.ts";
import { startReceiver } from "../support/receiver.ts";
import { waitFor } from "../support/telemetry.ts";

const database = await makeTestDatabase();
const receiver = await startReceiver();
afterAll(async () => {
  await receiver.stop();
  await database.drop();
});
beforeEach(async () => {
  await database.pool.query("truncate alert_hooks, notification_targets cascade");
});

const pathOf = (name: string): string => `/${name}-in-the-path?token=in-the-query`;

const K1 = "k1:the-first-secret-of-rows-0123456789abcdefghijklmno";
const K2 = "k2:the-second-secret-of-rows-0123456789abcdefghijklmn";
const OTHER_K1 = "k1:another-secret-of-that-name-0123456789abcdefghijk";
const ring = (...keys: string[]) => (keys.length === 0 ? undefined : KeyRing.parse(keys.join(",")));
const secretsOf = (...keys: string[]) => makeStoredSecrets(ring(...keys));

/** An origin with these keys. */
const withKeys = (...keys: string[]) => {
  const encryptionKeys = ring(...keys);
  const { request } = makeAdminApp({
    pool: database.servicePool,
    allowedHosts: ["127.0.0.1"],
    ...(encryptionKeys === undefined ? {} : { encryptionKeys }),
  });
  const call = async (method: string, path: string, body?: object, headers: object = {}) => {
    const response = await request(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? {} : JSON.parse(text) };
  };
  const make = async (path: string, body: object): Promise<string> => {
    const made = await call("POST", path, body);
    expect(made).toMatchObject({ status: 201 });
    return made.json.secret;
  };
  return {
    call,
    makeTarget: (name: string) =>
      make("/notifications", {
        name,
        type: "webhook",
        url: `${receiver.url}${pathOf(name)}`,
      }),
    makeSlack: (name: string) =>
      make("/notifications", { name, type: "slack", url: `${receiver.url}/T0/B0/${name}-slack-token` }),
    makeHook: (name: string) =>
      make("/hooks", { name, source: "generic", mode: "shadow", allowedTags: ["a"] }),
    alert: (name: string, secret: string) => {
      const body = JSON.stringify({ alerts: [] });
      const now = new Date();
      return request(`/hooks/${name}`, {
        method: "POST",
        body,
        headers: {
          "webhook-id": "m1",
          "webhook-timestamp": String(Math.floor(now.getTime() / 1_000)),
          "webhook-signature": new Webhook(secret).sign("m1", now, body),
        },
      }).then(({ status }) => status);
    },
    holders: [
      makeTargetSecrets(database.servicePool, secretsOf(...keys)),
      makeHookSecrets(database.servicePool, secretsOf(...keys)),
    ],
  };
};

const dump = async (): Promise<string> => {
  const out = new PassThrough();
  const [text] = await Promise.all([
    buffer(out),
    withClient(database.pool, (client) =>
      withSnapshot(client, (snapshot) =>
        writeBackup(snapshot, out, { version: "0", now: new Date(), withSpans: true }),
      ),
    ).then(() => out.end()),
  ]);
  return text.toString("latin1");
};
/** As text, and as COPY writes bytes and the API base64. */
const formsOf = (secret: string): string[] => {
  const usable = Buffer.from(secret.replace("whsec_", ""), "base64");
  return [secret.replace("whsec_", ""), usable.toString("hex"), Buffer.from(secret).toString("hex")];
};

test("no dump has an address or secret of a target or hook, nor those of before and after a change", async () => {
  const origin = withKeys(K1);
  const given = [await origin.makeTarget("ops"), await origin.makeHook("pager")];
  await origin.makeSlack("chat");
  for (const path of ["/notifications/ops/secret", "/hooks/pager/secret"]) {
    const changed = await origin.call("POST", path, {}, { "if-match": "*" });
    expect(changed.status).toBe(200);
    given.push(changed.json.secret);
  }
  const text = await dump();
  expect(text).toContain("encrypted-webhook");
  const places = ["in-the-path", "in-the-query", "slack-token"];
  for (const form of [...places, ...given.flatMap(formsOf)]) expect(text).not.toContain(form);
  expect(await origin.alert("pager", given[1] ?? "")).toBe(200);
  expect(await origin.alert("pager", given[3] ?? "")).toBe(200);
  const { rows } = await database.pool.query(
    "select details from rollback_audit where feature_id = 'target:ops' order by seq limit 1",
  );
  expect(rows[0].details).toMatchObject({ type: "webhook", host: new URL(receiver.url).host });
});

test("an upkeep encrypts what was in plain text and what an older key encrypted, and nobody notices", async () => {
  const before = withKeys();
  const [target, hook] = [await before.makeTarget("ops"), await before.makeHook("pager")];
  expect(await dump()).toContain(formsOf(target)[0]);
  const seq = async () =>
    (await database.pool.query("select max(seq) as seq from rollback_audit")).rows[0].seq;
  const audited = await seq();
  for (const [keys, kid] of [
    [[K1], "k1"],
    [[K2, K1], "k2"],
    [[K2], "k2"],
  ] as const) {
    const log = makeTestLog();
    const origin = withKeys(...keys);
    const upkeep = startSecretsUpkeep({
      holders: origin.holders,
      secrets: secretsOf(...keys),
      log,
      everyMs: 5,
    });
    const facts = () => Promise.all(origin.holders.map((holder) => holder.facts())).then((all) => all.flat());
    await waitFor(async () => (await facts()).every((fact) => fact.kid === kid) || undefined);
    await upkeep.stop();
    expect(log.lines.filter(({ level }) => level !== "info")).toEqual([]);
    expect(await origin.alert("pager", hook)).toBe(200);
    receiver.state.answer = { status: 200 };
    expect((await origin.call("POST", "/notifications/ops/test")).json).toMatchObject({ delivered: true });
    const message = receiver.at(pathOf("ops")).at(-1)!;
    expect(() =>
      new Webhook(target).verify(message.body, message.headers as Record<string, string>),
    ).not.toThrow();
  }
  const back = await runCli(["secrets", "--plain", "--json"], {
    DATABASE_URL: database.url,
    ENCRYPTION_KEYS: K2,
  });
  expect(JSON.parse(back.out)).toMatchObject({ rewritten: 2, secrets: [{ kid: null }, { kid: null }] });
  expect(await before.alert("pager", hook)).toBe(200);
  expect(await dump()).toContain(formsOf(target)[0]);
  for (const holder of withKeys(K2).holders) expect(await holder.rewrite()).toBe(1);
  expect(await seq()).toBe(audited);
  expect((await withKeys(K2).call("GET", "/notifications/ops")).json).toMatchObject({ version: 1 });
  const text = await dump();
  for (const form of [target, hook].flatMap(formsOf)) expect(text).not.toContain(form);
});

describe.each([
  ["another key of its name", OTHER_K1],
  ["no key", undefined],
])("an origin with %s", (_, key) => {
  const keys = key === undefined ? [] : [key];

  test("names ENCRYPTION_KEYS for what it cannot read, and goes on with all else", async () => {
    const [secret, plain] = [await withKeys(K1).makeHook("pager"), await withKeys().makeHook("plain")];
    await withKeys(K1).makeTarget("locked");
    const origin = withKeys(...keys);
    await origin.makeTarget("own");

    expect(await origin.alert("pager", secret)).toBe(503);
    expect(await origin.alert("plain", plain)).toBe(200);
    expect((await origin.call("GET", "/hooks/pager")).json.refusal).toMatch(
      /^ENCRYPTION_KEYS .* k1\b.*hook pager/,
    );

    const encryptionKeys = ring(...keys);
    const news = startNews(database, encryptionKeys === undefined ? {} : { encryptionKeys });
    try {
      await origin.call("POST", "/features", {
        featureId: `feat_${key?.slice(-4) ?? "none"}`,
        enabled: true,
      });
      const targetOf = async (name: string) => (await origin.call("GET", `/notifications/${name}`)).json;
      await waitFor(async () => (await targetOf("own")).lastSuccessAt ?? undefined);
      const locked = await waitFor(async () => {
        const target = await targetOf("locked");
        return target.lastError === null ? undefined : target;
      });
      expect(locked.lastError).toMatch(/^ENCRYPTION_KEYS .* k1\b.*target locked/);
      expect(locked.queued).toBeGreaterThan(0);
    } finally {
      await news.stop();
    }
    expect((await origin.call("GET", "/notifications")).json.targets).toHaveLength(2);
    const refused = await origin.call(
      "PUT",
      "/notifications/locked",
      { type: "webhook", enabled: false },
      { "if-match": "*" },
    );
    expect(refused).toMatchObject({ status: 409, json: { reason: "encrypted" } });
    const [check] = storedSecretChecks(origin.holders, secretsOf(...keys));
    const findings = (await check!.run()).filter(({ status }) => status === "failing");
    expect(findings).toHaveLength(2);
    for (const finding of findings) expect(finding).toMatchObject({ subject: "ENCRYPTION_KEYS" });

    // With the key again it is told what waited, once.
    const mended = startNews(database, {
      encryptionKeys: KeyRing.parse(K1),
    });
    try {
      await letTimePass(database, 600);
      await waitFor(async () => receiver.at(pathOf("locked")).length > 0 || undefined);
    } finally {
      await mended.stop();
      receiver.received.length = 0;
    }
  });
});

test("a secret that is moved into another row is not taken for that row's", async () => {
  const origin = withKeys(K1);
  const mine = await origin.makeHook("mine");
  await origin.makeHook("theirs");
  await database.pool.query(
    "update alert_hooks set secret = (select secret from alert_hooks where name = 'mine') where name = 'theirs'",
  );
  expect(await origin.alert("mine", mine)).toBe(200);
  expect(await origin.alert("theirs", mine)).toBe(503);
});

test("an origin of before sends nothing to an encrypted target, and cannot write over it", async () => {
  await withKeys(K1).makeSlack("chat");
  const claimed = await database.servicePool.query(
    "select from notification_targets where type = any(array['slack', 'webhook', 'email'])",
  );
  expect(claimed.rowCount).toBe(0);
  const write = (config: object) =>
    database.servicePool.query("update notification_targets set config = $1", [JSON.stringify(config)]);
  await expect(write({ type: "slack", url: "https://hooks.slack.com/…" })).rejects.toThrow(
    "the notification target chat is encrypted",
  );
});

test("the doctor and the log say what is in plain text, and how to make a key", async () => {
  const origin = withKeys();
  await origin.makeHook("pager");
  const [check] = storedSecretChecks(origin.holders, secretsOf());
  expect(await check!.run()).toMatchObject([
    {
      status: "warning",
      summary: expect.stringContaining("the hook pager"),
      todo: expect.stringContaining("openssl"),
    },
  ]);
  const log = makeTestLog();
  const upkeep = startSecretsUpkeep({ holders: origin.holders, secrets: secretsOf(), log, everyMs: 5 });
  await waitFor(async () => log.lines.length > 0 || undefined);
  await upkeep.stop();
  expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
    ["warn", expect.stringContaining("set ENCRYPTION_KEYS")],
  ]);
});

test("a backup says which secrets it holds in plain text, and which partitions are not in it", async () => {
  await withKeys().makeHook("pager");
  await withKeys(K1).makeTarget("ops");
  await database.pool.query("update partition_places set database = 'a' where partition in (1, 3)");
  const folder = await mkdtemp(join(tmpdir(), "sluice-secrets-"));
  try {
    const file = join(folder, "saved");
    const saved = await runCli(["backup", "--out", file, "--json"], { DATABASE_URL: database.url });
    expect(saved).toMatchObject({
      code: 0,
      error: expect.stringMatching(/NOT IN IT.* 1, 3\b.* database a\b/),
    });
    expect(saved.error).toMatch(/plain text.*: the hook pager$/m);
    expect(JSON.parse(saved.out)).toMatchObject({
      otherDatabases: [{ name: "a", partitions: [1, 3] }],
      plainSecrets: ["the hook pager"],
    });
  } finally {
    await rm(folder, { recursive: true });
    await database.pool.query("update partition_places set database = 'main'");
  }
});
