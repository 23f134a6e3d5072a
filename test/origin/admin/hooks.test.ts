// Hooks end to end: made, sent alerts by their alerting systems, and what that closes. Each delivery is a request as the system
// sends it.
import { createHmac } from "node:crypto";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { app, request } = makeAdminApp({ pool: database.servicePool });

beforeEach(async () => {
  await database.pool.query("truncate alert_hooks, hook_alerts, hook_deliveries, feature_flags cascade");
});

const ask = async (method: string, path: string, body?: unknown, headers: object = {}) => {
  const response = await request(path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers,
  });
  const text = await response.text();
  return { status: response.status, json: text === "" ? {} : JSON.parse(text), headers: response.headers };
};

const makeFeature = async (featureId: string, fields: object = {}) => {
  const given = { featureId, enabled: true, rolloutBps: 5000, ...fields };
  expect((await ask("POST", "/features", given)).status).toBe(201);
};
const isOpen = async (featureId: string): Promise<boolean> =>
  (await ask("GET", `/features/${featureId}`)).json.enabled;

const makeHook = async (fields: object = {}): Promise<string> => {
  const { status, json } = await ask("POST", "/hooks", {
    name: "pager",
    source: "alertmanager",
    mode: "enforce",
    allowedTags: ["checkout"],
    ...fields,
  });
  expect(status).toBe(201);
  return json.secret;
};

const soon = () => new Date(Date.now() + 50).toISOString();
const firing = (labels: object, over: object = {}) => ({
  status: "firing",
  labels: { alertname: "Errors", ...labels },
  annotations: { summary: "too many orders fail" },
  startsAt: soon(),
  fingerprint: "f1",
  ...over,
});

const send = (secret: string, alerts: readonly unknown[], name = "pager") =>
  ask("POST", `/hooks/${name}`, { version: "4", alerts }, { authorization: `Bearer ${secret}` });
const outcomesOf = ({ json }: { json: { alerts: { outcome: string }[] } }) =>
  json.alerts.map(({ outcome }) => outcome);

describe("an alert that fires", () => {
  test("closes the feature that its label names; the audit has who, why and which alert", async () => {
    await makeFeature("feat_checkout", { tags: ["checkout"] });
    const secret = await makeHook();
    const alert = firing({ sluice_feature: "feat_checkout" });
    const answer = await send(secret, [alert]);
    expect(answer.status).toBe(200);
    expect(answer.json.alerts).toEqual([
      {
        key: `f1 ${alert.startsAt}`,
        title: "Errors",
        outcome: "rolledBack",
        detail: "closed feat_checkout",
        featureIds: ["feat_checkout"],
        revision: expect.any(Number),
      },
    ]);
    expect(await isOpen("feat_checkout")).toBe(false);
    const { json } = await ask("GET", "/audit?featureId=feat_checkout&limit=1");
    expect(json.entries[0]).toMatchObject({
      actor: "hook:pager",
      action: "rollback",
      reason: "Errors (alert of pager): too many orders fail",
      details: {
        evidence: {
          alert: { hook: "pager", source: "alertmanager", title: "Errors", labels: alert.labels },
        },
      },
    });
  });

  test("closes all features with the tag that it names, with the alert as evidence of each", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    await makeFeature("feat_b", { tags: ["checkout"] });
    await makeFeature("feat_c", { tags: ["search"] });
    const answer = await send(await makeHook(), [firing({ sluice_tag: "checkout" })]);
    expect(answer.json.alerts).toMatchObject([
      { outcome: "rolledBack", featureIds: ["feat_a", "feat_b"], detail: "closed feat_a, feat_b" },
    ]);
    expect([await isOpen("feat_a"), await isOpen("feat_b"), await isOpen("feat_c")]).toEqual([
      false,
      false,
      true,
    ]);
    const { json } = await ask("GET", "/audit?featureId=feat_b&limit=1");
    expect(json.entries[0].details.evidence.alert.title).toBe("Errors");
  });

  test("closes what the hook names, whatever its labels say", async () => {
    await makeFeature("feat_a");
    await makeFeature("feat_b");
    const secret = await makeHook({ allowedTags: [], featureId: "feat_a" });
    expect(outcomesOf(await send(secret, [firing({ sluice_feature: "feat_b" })]))).toEqual(["rolledBack"]);
    expect([await isOpen("feat_a"), await isOpen("feat_b")]).toEqual([false, true]);
  });

  test("closes nothing that the hook does not allow, and says so", async () => {
    await makeFeature("feat_search", { tags: ["search"] });
    const secret = await makeHook({ allowedFeatures: ["feat_checkout"] });
    const answer = await send(secret, [
      firing({ sluice_feature: "feat_search" }, { fingerprint: "1" }),
      firing({ sluice_tag: "search" }, { fingerprint: "2" }),
      firing({ sluice_feature: "feat_nowhere" }, { fingerprint: "3" }),
      firing({ sluice_feature: "no feature id" }, { fingerprint: "4" }),
      firing({}, { fingerprint: "5" }),
      firing({ sluice_feature: "feat_checkout" }, { fingerprint: "6" }),
    ]);
    expect(outcomesOf(answer)).toEqual([
      "notAllowed",
      "notAllowed",
      "notAllowed",
      "noTarget",
      "noTarget",
      "unknownFeature",
    ]);
    expect(await isOpen("feat_search")).toBe(true);
  });

  test("in shadow closes nothing, and says what it would close with all that requires it", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    await makeFeature("feat_b", { requires: ["feat_a"] });
    const secret = await makeHook({ mode: "shadow" });
    const alert = firing({ sluice_feature: "feat_a" });
    const answer = await send(secret, [alert, firing({ sluice_tag: "checkout" }, { fingerprint: "f2" })]);
    expect(answer.json.alerts).toMatchObject([
      { outcome: "wouldRollBack", detail: "would close feat_a, feat_b", featureIds: ["feat_a", "feat_b"] },
      { outcome: "wouldRollBack", featureIds: ["feat_a", "feat_b"] },
    ]);
    expect([await isOpen("feat_a"), await isOpen("feat_b")]).toEqual([true, true]);

    // A person has read that and enforces it: the alert still fires, and comes again.
    expect((await ask("PUT", "/hooks/pager", { mode: "enforce" }, { "if-match": '"1"' })).status).toBe(200);
    expect(outcomesOf(await send(secret, [alert]))).toEqual(["rolledBack"]);
    expect(await isOpen("feat_b")).toBe(false);
  });
});

describe("an alert that comes again", () => {
  const open = (featureId: string) => ask("POST", `/features/${featureId}/enable`, { reason: "mended" });

  test("does nothing, also after a person has opened the feature again; another firing closes it", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook();
    const alert = firing({ sluice_feature: "feat_a" });
    expect(outcomesOf(await send(secret, [alert, alert]))).toEqual(["rolledBack", "repeated"]);
    await open("feat_a");
    expect(outcomesOf(await send(secret, [alert]))).toEqual(["repeated"]);
    expect(await isOpen("feat_a")).toBe(true);
    const anew = firing({ sluice_feature: "feat_a" });
    expect(outcomesOf(await send(secret, [anew]))).toEqual(["rolledBack"]);
  });

  test("that is over opens nothing", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook();
    const alert = firing({ sluice_feature: "feat_a" });
    await send(secret, [alert]);
    expect(outcomesOf(await send(secret, [{ ...alert, status: "resolved" }]))).toEqual(["resolved"]);
    expect(await isOpen("feat_a")).toBe(false);
  });

  test("and began before the feature was opened closes nothing: a replay finds nothing to close", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook();
    const old = firing({ sluice_feature: "feat_a" }, { startsAt: "2026-01-01T00:00:00Z" });
    const ofTag = firing({ sluice_tag: "checkout" }, { startsAt: "2026-01-01T00:00:00Z", fingerprint: "f2" });
    expect(outcomesOf(await send(secret, [old, ofTag]))).toEqual(["beganBefore", "alreadyClosed"]);
    expect(await isOpen("feat_a")).toBe(true);
  });

  test("with a time in the future began no later than it was heard of first", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook({ mode: "shadow" });
    const alert = firing({ sluice_feature: "feat_a" }, { startsAt: "2099-01-01T00:00:00Z" });
    expect(outcomesOf(await send(secret, [alert]))).toEqual(["wouldRollBack"]);
    await ask("POST", "/features/feat_a/rollback", { reason: "by hand" });
    await open("feat_a");
    await ask("PUT", "/hooks/pager", { mode: "enforce" }, { "if-match": "*" });
    expect(outcomesOf(await send(secret, [alert]))).toEqual(["beganBefore"]);
  });

  test("from many senders at once closes the feature once", async () => {
    await makeFeature("feat_raced", { tags: ["checkout"] });
    const secret = await makeHook();
    const alert = firing({ sluice_feature: "feat_raced" });
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(secret, [alert])));
    const outcomes = answers.flatMap(outcomesOf);
    expect(outcomes.filter((outcome) => outcome === "rolledBack")).toHaveLength(1);
    expect(outcomes.every((one) => ["rolledBack", "alreadyClosed", "repeated"].includes(one))).toBe(true);
    const { json } = await ask("GET", "/audit?featureId=feat_raced");
    expect(json.entries.filter(({ action }: { action: string }) => action === "rollback")).toHaveLength(1);
  });
});

describe("a delivery", () => {
  test("of good and bad alerts: none stops another, and each is told", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook();
    const answer = await send(secret, [
      null,
      { status: "firing" },
      firing({ sluice_feature: "\u0000" }),
      firing(
        { sluice_feature: "feat_a" },
        { annotations: { summary: "a\u0000b\ud800 <!channel> \u202e*bold*" } },
      ),
    ]);
    expect(answer.status).toBe(200);
    expect(outcomesOf(answer)).toEqual(["unreadable", "unreadable", "noTarget", "rolledBack"]);
    const feature = await ask("GET", "/features/feat_a");
    expect(feature.json.rollbackReason).toBe("Errors (alert of pager): a b <!channel> *bold*");
  });

  test("with a text of half a megabyte makes a bounded reason", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook();
    const annotations = { summary: "x".repeat(500_000) };
    await send(secret, [firing({ sluice_feature: "feat_a", long: "y".repeat(90_000) }, { annotations })]);
    const { json } = await ask("GET", "/audit?featureId=feat_a&limit=1");
    expect(json.entries[0].reason.length).toBeLessThan(1_100);
    expect(JSON.stringify(json.entries[0].details).length).toBeLessThan(3_000);
  });

  test("of more alerts than are taken says how many are left out", async () => {
    const secret = await makeHook();
    const alerts = Array.from({ length: 203 }, (_, i) => firing({}, { fingerprint: String(i) }));
    const answer = await send(secret, alerts);
    expect(answer.json.alerts).toHaveLength(201);
    expect(answer.json.alerts.at(-1)).toMatchObject({
      outcome: "leftOut",
      detail: "3 more alerts came: one delivery brings 200 at most",
    });
  });

  test.each(["", "{", "null", "[]", '{"alerts": 1}'])("with the body %j is 400", async (body) => {
    const secret = await makeHook();
    const { status } = await request("/hooks/pager", {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${secret}` },
    });
    expect(status).toBe(400);
  });

  test("that cannot be carried out is 503, and works when it comes again", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    await makeFeature("feat_b", { tags: ["checkout"] });
    const secret = await makeHook();
    const alerts = [
      firing({ sluice_feature: "feat_a" }),
      firing({ sluice_feature: "feat_b" }, { fingerprint: "f2" }),
    ];
    await database.pool.query(
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no disk'; end $$;
       create trigger refuse before insert on outbox for each row
       when (new.payload::text like '%feat_a%') execute function refuse()`,
    );
    let first;
    try {
      first = await send(secret, alerts);
    } finally {
      await database.pool.query("drop trigger refuse on outbox; drop function refuse");
    }
    expect({ status: first.status, wait: first.headers.get("retry-after") }).toEqual({
      status: 503,
      wait: "5",
    });
    expect(outcomesOf(first)).toEqual(["failed", "rolledBack"]);
    expect(outcomesOf(await send(secret, alerts))).toEqual(["rolledBack", "repeated"]);
  });

  test("is kept with what became of it; pages lead back to the first", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook();
    for (const fingerprint of ["1", "2", "3"])
      await send(secret, [firing({ sluice_feature: "feat_a" }, { fingerprint })]);
    const { json } = await ask("GET", "/hooks/pager/deliveries?limit=2");
    expect(json.deliveries.map((one: never) => outcomesOf({ json: one }))).toEqual([
      ["alreadyClosed"],
      ["alreadyClosed"],
    ]);
    const rest = await ask("GET", `/hooks/pager/deliveries?limit=2&before=${json.next}`);
    expect(rest.json).toMatchObject({
      deliveries: [{ mode: "enforce", alerts: [{ outcome: "rolledBack" }] }],
      next: null,
    });
  });
});

describe("a sender without the secret", () => {
  test("is refused, and the hook says what was wrong", async () => {
    await makeHook();
    const hook = async () => (await ask("GET", "/hooks/pager")).json;
    expect((await hook()).refusal).toBe(null);
    expect((await send("not-the-secret-at-all", [])).status).toBe(401);
    expect((await hook()).refusal).toBe("the secret in its Authorization header is not the hook's");
    expect((await send("whatever", [], "no-such-hook")).status).toBe(401);
    expect((await send("whatever", [], "No.Hook")).status).toBe(401);
    // The token of the admin API opens the API and no hook.
    expect((await ask("POST", "/hooks/pager", { alerts: [] })).status).toBe(401);
  });

  test("is stopped after thirty tries a minute; who has the secret gets through", async () => {
    const own = makeAdminApp({ pool: database.servicePool });
    const secret = await makeHook();
    const sendTo = (name: string, token: string) =>
      own.request(`/hooks/${name}`, {
        method: "POST",
        body: '{"alerts": []}',
        headers: { authorization: `Bearer ${token}` },
      });
    expect((await sendTo("pager", secret)).status).toBe(200);
    const answers: number[] = [];
    for (let i = 0; i < 32; i++) answers.push((await sendTo("other", "wrong-secret-of-nobody")).status);
    expect(answers).toEqual([...Array.from({ length: 30 }, () => 401), 429, 429]);
    expect((await sendTo("pager", secret)).status).toBe(200);
    const many = await Promise.all(Array.from({ length: 130 }, () => sendTo("pager", secret)));
    const limited = many.filter(({ status }) => status === 429);
    expect(limited.length).toBe(130 - 118);
    expect(Number(limited[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

describe("a hook", () => {
  test("shows its secret once, and takes the old one for a while after it is replaced", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook();
    expect(secret).toMatch(/^sluice_hook_[\w-]{43}$/);
    expect(JSON.stringify((await ask("GET", "/hooks")).json)).not.toContain(secret);
    const { rows } = await database.pool.query("select * from alert_hooks");
    expect(rows[0].secret.toString("latin1")).not.toContain(secret);

    const replace = (body: object, match: string) =>
      ask("POST", "/hooks/pager/secret", body, { "if-match": match });
    const second = (await replace({}, '"1"')).json.secret;
    expect((await send(secret, [])).status).toBe(200);
    expect((await send(second, [])).status).toBe(200);
    const third = (await replace({ keepOldSeconds: 0, secret: "a-secret-of-our-own-choice" }, '"2"')).json
      .secret;
    expect(third).toBe("a-secret-of-our-own-choice");
    expect((await send(second, [])).status).toBe(401);
    expect((await send(third, [])).status).toBe(200);
    expect((await replace({}, '"2"')).status).toBe(412);
  });

  test("is changed and deleted at the version that the caller has seen", async () => {
    await makeHook();
    expect((await ask("PUT", "/hooks/pager", { mode: "shadow" })).status).toBe(428);
    const changed = await ask("PUT", "/hooks/pager", { mode: "shadow" }, { "if-match": 'W/"1"' });
    expect(changed.json).toMatchObject({ mode: "shadow", version: 2, allowedTags: ["checkout"] });
    expect(changed.headers.get("etag")).toBe('"2"');
    const stale = await ask("PUT", "/hooks/pager", { mode: "enforce" }, { "if-match": '"1"' });
    expect({ status: stale.status, detail: stale.json.detail }).toEqual({
      status: 412,
      detail: "the hook is at version 2 now",
    });
    expect((await ask("DELETE", "/hooks/pager", undefined, { "if-match": '"1"' })).status).toBe(412);
    expect((await ask("DELETE", "/hooks/pager", undefined, { "if-match": '"2"' })).status).toBe(204);
    expect((await ask("GET", "/hooks/pager")).status).toBe(404);
    expect((await ask("GET", "/hooks/pager/deliveries")).status).toBe(404);
  });

  test.each([
    [{ name: "Pager" }, "name"],
    [{ name: "-a" }, "name"],
    [{ source: "nagios" }, "source"],
    [{ authentication: "signature" }, "authentication"],
    [{ mode: "on" }, "mode"],
    [{ allowedTags: [] }, "allowedFeatures"],
    [{ featureId: "feat_a" }, "allowedTags"],
    [{ featureId: "feat_a", tag: "a", allowedTags: [] }, "tag"],
    [{ allowedFeatures: ["a b"] }, "allowedFeatures.0"],
    [{ secret: "short" }, "secret"],
    [{ source: "pagerduty", allowedTags: [], tag: "a" }, "secret"],
    [{ source: "pagerduty", secret: "the-secret-of-pagerduty" }, "featureId"],
    [{ source: "generic", secret: "no-standard-webhooks" }, "secret"],
    [{ url: "x" }, "url"],
  ])("with %j is refused by its field", async (fields, field) => {
    const given = { name: "pager", source: "alertmanager", allowedTags: ["checkout"], ...fields };
    const { status, json } = await ask("POST", "/hooks", given);
    expect(status).toBe(400);
    expect(json.errors).toEqual([expect.objectContaining({ field })]);
  });

  test("of a name that is taken is 409", async () => {
    await makeHook();
    const again = { name: "pager", source: "alertmanager", tag: "a" };
    expect((await ask("POST", "/hooks", again)).json).toMatchObject({ status: 409, reason: "alreadyExists" });
  });

  test("is made by a token of some tags for these tags alone", async () => {
    await makeFeature("feat_ours", { tags: ["checkout"] });
    await makeFeature("feat_theirs", { tags: ["search"] });
    const token = await ask("POST", "/tokens", { name: "checkout team", scope: "admin", tags: ["checkout"] });
    const own = { authorization: `Bearer ${token.json.secret}` };
    const make = (fields: object) =>
      ask("POST", "/hooks", { name: "ours", source: "alertmanager", ...fields }, own);
    for (const fields of [
      { tag: "search" },
      { allowedTags: ["checkout", "search"] },
      { featureId: "feat_theirs" },
      { allowedFeatures: ["feat_ours", "feat_theirs"] },
      { featureId: "feat_of_nobody" },
    ])
      expect({ fields, status: (await make(fields)).status }).toEqual({ fields, status: 403 });
    expect((await make({ allowedFeatures: ["feat_ours"], allowedTags: ["checkout"] })).status).toBe(201);
    const wider = await ask("PUT", "/hooks/ours", { allowedTags: ["search"] }, { ...own, "if-match": "*" });
    expect(wider.status).toBe(403);
    await makeHook({ name: "theirs", allowedTags: ["search"] });
    expect((await ask("DELETE", "/hooks/theirs", undefined, { ...own, "if-match": "*" })).status).toBe(403);
  });

  test("is tried out: it says what a payload would close, and neither closes nor notes anything", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook();
    const alert = firing({ sluice_feature: "feat_a" });
    const tried = await ask("POST", "/hooks/pager/test", { alerts: [alert, null] });
    expect(outcomesOf(tried)).toEqual(["wouldRollBack", "unreadable"]);
    expect(await isOpen("feat_a")).toBe(true);
    expect((await ask("GET", "/hooks/pager/deliveries")).json.deliveries).toEqual([]);
    expect((await ask("POST", "/hooks/pager/test", {})).status).toBe(400);
    expect(outcomesOf(await send(secret, [alert]))).toEqual(["rolledBack"]);
    expect(outcomesOf(await ask("POST", "/hooks/pager/test", { alerts: [alert] }))).toEqual(["repeated"]);
  });
});

describe("signed as each alerting system does it", () => {
  const post = async (name: string, body: string, headers: Record<string, string>) => {
    const response = await app.request(`/admin/v1/hooks/${name}`, { method: "POST", body, headers });
    const text = await response.text();
    return { status: response.status, json: JSON.parse(text) };
  };
  const hmac = (secret: string, text: string) => createHmac("sha256", secret).update(text).digest("hex");

  test("PagerDuty: an incident closes the feature of the hook, once", async () => {
    await makeFeature("feat_a");
    const secret = "the-signing-secret-that-pagerduty-showed";
    await makeHook({ source: "pagerduty", secret, featureId: "feat_a", allowedTags: [] });
    const event = (type: string) =>
      JSON.stringify({
        event: {
          event_type: type,
          occurred_at: soon(),
          data: { id: "PT4KHLK", title: "Checkout is down", created_at: "2099-01-01T00:00:00Z" },
        },
      });
    const sign = (body: string) =>
      post("pager", body, { "x-pagerduty-signature": `v1=${hmac(secret, body)}` });
    expect(outcomesOf(await sign(event("incident.acknowledged")))).toEqual(["ignored"]);
    expect(outcomesOf(await sign(event("incident.triggered")))).toEqual(["rolledBack"]);
    expect(outcomesOf(await sign(event("incident.triggered")))).toEqual(["repeated"]);
    expect(outcomesOf(await sign(event("incident.resolved")))).toEqual(["resolved"]);
    expect((await post("pager", event("incident.triggered"), {})).status).toBe(401);
  });

  test("Grafana: time and body are signed", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook({ source: "grafana" });
    const body = JSON.stringify({ alerts: [firing({ sluice_feature: "feat_a" })], state: "alerting" });
    const signed = (at: number) => ({
      "x-grafana-alerting-signature": hmac(secret, `${at}:${body}`),
      "x-grafana-alerting-timestamp": String(at),
    });
    const now = Math.floor(Date.now() / 1_000);
    expect((await post("pager", body, signed(now - 600))).status).toBe(401);
    expect((await ask("GET", "/hooks/pager")).json.refusal).toMatch(/more than 5 minutes ago/);
    expect(outcomesOf(await post("pager", body, signed(now)))).toEqual(["rolledBack"]);
  });

  test("Datadog: renotifications of a cycle are repeats", async () => {
    await makeFeature("feat_a", { tags: ["checkout"] });
    const secret = await makeHook({ source: "datadog" });
    const monitor = (transition: string) =>
      post(
        "pager",
        JSON.stringify({
          alert_cycle_key: "77",
          alert_transition: transition,
          date: String(Date.now() + 50),
          event_title: "Errors",
          tags: "env:prod,sluice_feature:feat_a",
        }),
        { authorization: `Bearer ${secret}` },
      );
    expect(outcomesOf(await monitor("Warn"))).toEqual(["ignored"]);
    expect(outcomesOf(await monitor("Triggered"))).toEqual(["rolledBack"]);
    await ask("POST", "/features/feat_a/enable", { reason: "mended" });
    expect(outcomesOf(await monitor("Renotify"))).toEqual(["repeated"]);
    expect(outcomesOf(await monitor("Recovered"))).toEqual(["resolved"]);
    expect(await isOpen("feat_a")).toBe(true);
  });
});
