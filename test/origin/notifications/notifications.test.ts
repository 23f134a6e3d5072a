// News from a change to a receiver's door: real database, real HTTP, the loop as the origin runs it.
import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { makeAnnounce } from "../../../origin/notifications/announce.ts";
import { makeSendEmail } from "../../../origin/notifications/channels/send-email.ts";
import { notificationChecks } from "../../../origin/notifications/upkeep.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { listenOnLoopback } from "../../support/listen.ts";
import { letTimePass, PUBLIC_URL, startNews } from "../../support/news.ts";
import { startReceiver, type Received } from "../../support/receiver.ts";
import { waitFor } from "../../support/telemetry.ts";

const database = await makeTestDatabase();
const { pool } = database;
const receiver = await startReceiver();
const { request } = makeAdminApp({ pool: database.servicePool, allowedHosts: ["127.0.0.1"] });
const news = startNews(database);
afterAll(async () => {
  await news.stop();
  await receiver.stop();
  await database.drop();
});

type Json = Record<string, unknown>;
const call = async (method: string, path: string, body?: object, headers: object = {}) => {
  const response = await request(path, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, json: (text === "" ? {} : JSON.parse(text)) as Json };
};

const addTarget = async (name: string, fields: Json = {}): Promise<Json> => {
  const made = await call("POST", "/notifications", {
    name,
    type: "webhook",
    url: `${receiver.url}/${name}`,
    ...fields,
  });
  expect(made).toMatchObject({ status: 201 });
  return made.json;
};
const makeOpen = async (fields: Json = {}): Promise<string> => {
  const featureId = `feat_${randomUUID().slice(0, 8)}`;
  const made = await call("POST", "/features", { featureId, enabled: true, rolloutBps: 5000, ...fields });
  expect(made.status).toBe(201);
  return featureId;
};
const rollBack = (featureId: string, reason = "the till is on fire") =>
  call("POST", `/features/${featureId}/rollback`, { reason });
const targetOf = async (name: string): Promise<Json> => (await call("GET", `/notifications/${name}`)).json;
const waitForOne = (path: string, count = 1): Promise<Received[]> =>
  waitFor(async () => (receiver.at(path).length >= count ? receiver.at(path) : undefined));
const dataIn = ({ json }: Received): Json => json["data"] as Json;
const isAllAnnounced = async (): Promise<boolean> => {
  const { rows } = await pool.query<{ isAnnounced: boolean }>(
    `select s.audit_seq = head.audit_seq
       and s.evaluation_id = (select coalesce(max(id), 0) from pmf_evaluations) as "isAnnounced"
     from announcement_sources s, state_head head`,
  );
  return rows[0]?.isAnnounced === true;
};
/** Everything that has happened is announced, and nothing waits for the target. */
const allTold = (name: string): Promise<boolean> =>
  waitFor(async () => (await isAllAnnounced()) && (await targetOf(name))["queued"] === 0);
const newsIn = (message: Received): Json[] => dataIn(message)["news"] as Json[];
const rolledBack = { events: ["feature.rolledBack"] };

beforeEach(async () => {
  receiver.state.answer = { status: 200 };
  await pool.query("delete from notification_targets");
});

describe("a change", () => {
  test("reaches a webhook, signed, with what happened, why, who and a link", async () => {
    const { secret } = await addTarget("signed", rolledBack);
    expect(secret).toMatch(/^whsec_/);
    const featureId = await makeOpen({ tags: ["checkout"] });
    const closed = await rollBack(featureId);
    const [message] = await waitForOne("/signed");
    const verified = new Webhook(String(secret)).verify(message!.body, message!.headers as never);
    expect(verified).toMatchObject({
      type: "feature.rolledBack",
      data: {
        title: `Rolled back: ${featureId}`,
        news: [
          {
            event: "feature.rolledBack",
            featureId,
            tags: ["checkout"],
            reason: "the till is on fire",
            actor: "admin",
            revision: closed.json["revision"],
            link: `${PUBLIC_URL}/features/${featureId}`,
          },
        ],
      },
    });
    await allTold("signed");
    expect(await targetOf("signed")).toMatchObject({ queued: 0, failingSince: null, attempts: 0 });
    expect((await targetOf("signed"))["lastSuccessAt"]).not.toBeNull();
  });

  test("is told to the targets that want it: by event, by feature, by tag", async () => {
    const mine = await makeOpen({ tags: ["search"] });
    const other = await makeOpen();
    await waitFor(isAllAnnounced); // a target is told what is announced from then on
    await addTarget("by-event", { events: ["feature.deleted"] });
    await addTarget("by-feature", { ...rolledBack, features: [other] });
    await addTarget("by-tag", { ...rolledBack, tags: ["search"] });
    await addTarget("off", { enabled: false });
    await addTarget("all");
    await rollBack(mine);
    await rollBack(other);
    await waitForOne("/all", 2);
    await waitForOne("/by-feature");
    await waitForOne("/by-tag");
    await allTold("by-event");
    const told = (path: string) =>
      receiver.at(path).flatMap((message) => newsIn(message).map((n) => n["featureId"]));
    expect(told("/by-feature")).toEqual([other]);
    expect(told("/by-tag")).toEqual([mine]);
    expect(told("/all")).toEqual([mine, other]);
    expect(told("/by-event")).toEqual([]);
    expect(told("/off")).toEqual([]);
  });

  test("of a hundred features by tag is one message", async () => {
    const tag = `tag-${randomUUID().slice(0, 8)}`;
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        call("POST", "/features", { featureId: `feat_${tag}_${i}`, enabled: true, tags: [tag] }),
      ),
    );
    await addTarget("tagged", rolledBack);
    const closed = await call("POST", "/rollback", { tag, reason: "an incident" });
    expect(closed.status).toBe(200);
    const [message] = await waitForOne("/tagged");
    await allTold("tagged");
    expect(receiver.at("/tagged")).toHaveLength(1);
    expect(dataIn(message!)["title"]).toBe("Rolled back: 100 features");
    expect(newsIn(message!)).toHaveLength(100);
  });

  test("and many more within a minute are told one by one first, and then together at the minute's end", async () => {
    await addTarget("busy", { events: ["feature.rolledBack"] });
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      const id = await makeOpen();
      ids.push(id);
      await rollBack(id);
      await waitForOne("/busy", i + 1);
    }
    for (let i = 0; i < 7; i += 1) {
      const id = await makeOpen();
      ids.push(id);
      await rollBack(id);
    }
    await waitFor(async () => (await targetOf("busy"))["queued"] === 7);
    await new Promise((wake) => setTimeout(wake, 200));
    expect(receiver.at("/busy")).toHaveLength(5);
    await letTimePass(database, 61);
    await waitForOne("/busy", 6);
    await allTold("busy");
    expect(receiver.at("/busy")).toHaveLength(6);
    expect(receiver.at("/busy").flatMap((message) => newsIn(message).map((n) => n["featureId"]))).toEqual(
      ids,
    );
  });
});

test("a deletion is told to the targets of the tags that the feature had", async () => {
  const tag = `tag-${randomUUID().slice(0, 8)}`;
  await addTarget("deletions", { events: ["feature.deleted"], tags: [tag] });
  for (const tags of [[tag], ["other"]]) {
    const { json } = await call("POST", "/features", { featureId: `feat_${randomUUID().slice(0, 8)}`, tags });
    const path = `/features/${String(json["featureId"])}`;
    expect((await call("DELETE", path, undefined, { "if-match": "*" })).status).toBeLessThan(300);
  }
  await waitForOne("/deletions");
  await allTold("deletions");
  expect(receiver.at("/deletions").flatMap((message) => newsIn(message).map((n) => n["tags"]))).toEqual([
    [tag],
  ]);
});

describe("a decision", () => {
  const decide = (featureId: string, state: string, mode = "enforce") =>
    pool.query(
      `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
       values ($1, 1, 1, now(), $2, 'WAIT', $3, 0, $4)`,
      [
        featureId,
        mode,
        state,
        JSON.stringify({
          reason: `${state} for a reason`,
          cause: [],
          evidence: {
            tests: [
              {
                signal: "activation",
                ageSeconds: 86_400,
                threshold: 0.15,
                treatment: { n: 5000, s: 900 },
                holdout: { n: 5000, s: 610 },
              },
            ],
          },
        }),
      ],
    );

  test("is told once when it is new, with its counts, and not again while it goes on", async () => {
    await addTarget("decisions", { events: ["feature.kept", "feature.undecided", "feature.wouldRollBack"] });
    const featureId = await makeOpen();
    for (const state of ["COLLECTING", "TESTING", "UNDECIDED", "UNDECIDED", "KEEP", "WATCH", "WATCH"])
      await decide(featureId, state);
    await decide(featureId, "ROLLBACK", "shadow");
    await waitForOne("/decisions", 3);
    await allTold("decisions");
    expect(receiver.at("/decisions").map(({ json }) => json["type"])).toEqual([
      "feature.undecided",
      "feature.kept",
      "feature.wouldRollBack",
    ]);
    expect(newsIn(receiver.at("/decisions")[1]!)[0]).toMatchObject({
      reason: "KEEP for a reason",
      counts: [{ signal: "activation", treatment: { n: 5000, s: 900 }, holdout: { n: 5000, s: 610 } }],
    });
  });

  test("in a form that nobody knows is told without counts, and holds up nothing", async () => {
    await addTarget("odd", { events: ["feature.kept"] });
    const [odd, next] = [await makeOpen(), await makeOpen()];
    await pool.query(
      `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
       values ($1, 1, 1, now(), 'enforce', 'KEEP', 'KEEP', 0, '{"evidence": {"tests": ["?"]}, "cause": 1}')`,
      [odd],
    );
    await decide(next, "KEEP");
    await waitForOne("/odd", 2);
    expect(newsIn(receiver.at("/odd")[0]!)[0]).toMatchObject({ featureId: odd, counts: [] });
  });

  test("that is committed after a later one is told all the same", async () => {
    await addTarget("late", { events: ["feature.kept"] });
    const [early, late] = [await makeOpen(), await makeOpen()];
    const slow = await pool.connect();
    try {
      await slow.query("begin");
      await slow.query(
        `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
         values ($1, 1, 1, now(), 'enforce', 'KEEP', 'KEEP', 0, '{"reason": "slow"}')`,
        [early],
      );
      await decide(late, "KEEP");
      await new Promise((wake) => setTimeout(wake, 300));
      await slow.query("commit");
    } finally {
      slow.release();
    }
    await waitForOne("/late", 2);
    expect(receiver.at("/late").flatMap((m) => newsIn(m).map((n) => n["featureId"]))).toEqual([early, late]);
  });
});

describe("a receiver", () => {
  test("that is down for an hour gets everything in the end: the message that failed as it was, the rest together", async () => {
    receiver.state.answer = { status: 503, body: "down for maintenance" };
    await addTarget("down", rolledBack);
    const first = await makeOpen();
    await rollBack(first);
    await waitForOne("/down");
    await waitFor(async () => (await targetOf("down"))["attempts"] === 1);
    const later: string[] = [];
    for (let i = 0; i < 8; i += 1) {
      const id = await makeOpen();
      later.push(id);
      await rollBack(id);
    }
    for (let minutes = 0; minutes < 60; minutes += 10) {
      const before = Number((await targetOf("down"))["attempts"]);
      await letTimePass(database, 600);
      await waitFor(async () => Number((await targetOf("down"))["attempts"]) > before);
    }
    expect(await targetOf("down")).toMatchObject({
      queued: 9,
      dropped: 0,
      lastError: "it answered 503: down for maintenance",
    });
    expect(news.log.lines.filter(({ facts }) => (facts as Json)["target"] === "down")).toHaveLength(1);
    expect(await news.metrics.registry.metrics()).toContain(
      'sluice_notifications_total{target="down",outcome="failed"} 7',
    );
    const findings = await Promise.all(notificationChecks({ pool }).map(({ run }) => run()));
    expect(findings.flat()).toMatchObject([
      { status: "warning", subject: "down", summary: expect.stringContaining("it answered 503") },
    ]);
    receiver.state.answer = { status: 200 };
    await letTimePass(database, 3_600);
    await allTold("down");
    const messages = receiver.at("/down");
    const ids = messages.slice(0, -1).map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids).size).toBe(1);
    expect(newsIn(messages.at(-2)!).map((n) => n["featureId"])).toEqual([first]);
    expect(newsIn(messages.at(-1)!).map((n) => n["featureId"])).toEqual(later);
    expect(await targetOf("down")).toMatchObject({ failingSince: null, lastError: null, attempts: 0 });
  });

  test("that is down for more than a day is not told what is older, and its target says how much that was", async () => {
    receiver.state.answer = { status: 500 };
    await addTarget("away", rolledBack);
    await rollBack(await makeOpen());
    await waitFor(async () => Number((await targetOf("away"))["attempts"]) === 1);
    await letTimePass(database, 25 * 3_600);
    await allTold("away");
    expect(await targetOf("away")).toMatchObject({ dropped: 1 });
    receiver.state.answer = { status: 200 };
    const before = receiver.at("/away").length;
    const featureId = await makeOpen();
    await rollBack(featureId);
    await letTimePass(database, 3_600);
    await waitForOne("/away", before + 1);
    expect(newsIn(receiver.at("/away").at(-1)!)[0]!["featureId"]).toBe(featureId);
  });

  test("that answers 429 is asked again no earlier than it says", async () => {
    receiver.state.answer = { status: 429, headers: { "retry-after": "1800" } };
    await addTarget("limited", rolledBack);
    await rollBack(await makeOpen());
    await waitFor(async () => (await targetOf("limited"))["attempts"] === 1);
    const { nextAttemptAt } = await targetOf("limited");
    expect(Date.parse(String(nextAttemptAt)) - Date.now()).toBeGreaterThan(1_700_000);
  });

  test("that answers 410 is told nothing any more until somebody enables its target", async () => {
    receiver.state.answer = { status: 410 };
    await addTarget("gone", rolledBack);
    const first = await makeOpen();
    await rollBack(first);
    await waitFor(async () => (await targetOf("gone"))["enabled"] === false);
    expect(receiver.at("/gone")).toHaveLength(1);
    receiver.state.answer = { status: 200 };
    const { version } = await targetOf("gone");
    const put = await call(
      "PUT",
      "/notifications/gone",
      { type: "webhook", ...rolledBack },
      { "if-match": `"${Number(version)}"` },
    );
    expect(put).toMatchObject({ status: 200, json: { enabled: true, failingSince: null } });
    await waitForOne("/gone", 2);
    expect(newsIn(receiver.at("/gone")[1]!)[0]!["featureId"]).toBe(first);
  });

  test("that refuses one message as bad is asked three times, and then told the next", async () => {
    receiver.state.answer = { status: 400, body: "invalid_payload" };
    await addTarget("picky", rolledBack);
    await rollBack(await makeOpen());
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      await waitFor(async () => (await targetOf("picky"))["attempts"] === attempt);
      await letTimePass(database, 60);
    }
    await waitFor(async () => (await targetOf("picky"))["dropped"] === 1);
    receiver.state.answer = { status: 200 };
    const next = await makeOpen();
    await rollBack(next);
    await waitForOne("/picky", 4);
    expect(newsIn(receiver.at("/picky")[3]!)[0]!["featureId"]).toBe(next);
  });

  test("that hangs holds up neither a write nor another target", async () => {
    const other = await startReceiver();
    receiver.state.answer = "hang";
    for (let i = 0; i < 8; i += 1) await addTarget(`hangs-${i}`, rolledBack);
    await addTarget("quick", { ...rolledBack, url: `${other.url}/quick` });
    const featureId = await makeOpen();
    expect((await rollBack(featureId)).status).toBe(200);
    await waitFor(async () => other.at("/quick").length === 1, 1_500);
    await waitFor(
      async () => (await targetOf("hangs-0"))["lastError"] === "it did not answer within 2000 ms",
    );
    await other.stop();
  });

  test("that redirects is not followed", async () => {
    const inside = await startReceiver();
    receiver.state.answer = { status: 307, headers: { location: `${inside.url}/secret` } };
    await addTarget("redirects", rolledBack);
    await rollBack(await makeOpen());
    await waitFor(async () => (await targetOf("redirects"))["attempts"] === 1);
    expect((await targetOf("redirects"))["lastError"]).toBe("it answered 307 (redirects are not followed)");
    expect(inside.received).toEqual([]);
    await inside.stop();
  });

  test("whose answer repeats the address and the secret shows neither in the target's error", async () => {
    await addTarget("slack-like", {
      ...rolledBack,
      type: "slack",
      url: `${receiver.url}/services/T000/B000/the-slack-token`,
    });
    receiver.state.answer = {
      status: 404,
      body: `no such hook: ${receiver.url}/services/T000/B000/the-slack-token`,
    };
    await rollBack(await makeOpen());
    const target = await waitFor(async () => {
      const found = await targetOf("slack-like");
      return found["attempts"] === 1 ? found : undefined;
    });
    expect(JSON.stringify(target)).not.toContain("the-slack-token");
    expect(JSON.stringify(news.log.lines)).not.toContain("the-slack-token");
    expect(target["lastError"]).toMatch(/^it answered 404: no such hook: /);
  });
});

describe("what happens beside changes", () => {
  test("is told: an approval that is asked, given and refused, a new policy, a schedule, an alert that closes a feature", async () => {
    const tag = `pay-${randomUUID().slice(0, 8)}`;
    const events = [
      "approval.asked",
      "approval.applied",
      "approval.ended",
      "approval.policyChanged",
      "hook.fired",
      "schedule.planned",
    ];
    const later = await makeOpen();
    await addTarget("operators", { events });
    const featureId = await makeOpen({ tags: [tag] });
    const policy = { tags: [tag], reason: "money needs four eyes" };
    await call("PUT", "/approvals/policy", policy, { "if-match": "*" });
    const tokens = new Map<string, object>();
    for (const name of ["ann", "bob"]) {
      const { json } = await call("POST", "/tokens", { name, scope: "editor" });
      tokens.set(name, { authorization: `Bearer ${String(json["secret"])}` });
    }
    const ask = (rolloutBps: number) =>
      call("POST", `/features/${featureId}/rollout`, { rolloutBps, reason: "more of it" }, tokens.get("ann"));
    const decide = ({ json }: { json: Json }, verb: string, body: Json) =>
      call("POST", `/approvals/${String(json["approvalId"])}/${verb}`, body, tokens.get("bob"));
    const asked = await ask(6000);
    expect((await decide(asked, "approve", { hash: asked.json["hash"] })).status).toBe(200);
    expect((await decide(await ask(7000), "reject", { reason: "not today" })).status).toBe(200);

    const hook = await call("POST", "/hooks", {
      name: "pager",
      source: "alertmanager",
      mode: "enforce",
      allowedFeatures: [featureId],
      secret: "the-secret-of-the-pager",
    });
    expect(hook.status).toBe(201);
    const alert = {
      status: "firing",
      labels: { alertname: "TillOnFire", sluice_feature: featureId },
      annotations: { summary: "the till is on fire" },
      startsAt: new Date().toISOString(),
      fingerprint: "0123456789abcdef",
    };
    const fired = await call(
      "POST",
      "/hooks/pager",
      { version: "4", alerts: [alert] },
      { authorization: "Bearer the-secret-of-the-pager" },
    );
    expect(fired.json).toMatchObject({ alerts: [{ outcome: "rolledBack" }] });

    const at = new Date(Date.now() + 86_400_000).toISOString().slice(0, 16);
    const planned = await call("POST", "/schedules", {
      featureId: later,
      change: { kind: "rollback" },
      at,
      zone: "Etc/UTC",
      reason: "the campaign is over",
    });
    expect(planned.status).toBe(201);

    const told = await waitFor(async () => {
      // The sixth message of a minute waits for its end.
      await letTimePass(database, 61);
      // A message may come twice, as Standard Webhooks says: the same piece of news has the same id.
      const found = new Map(
        receiver
          .at("/operators")
          .flatMap(newsIn)
          .map((piece) => [piece["id"], piece]),
      );
      return found.size >= 7 ? [...found.values()] : undefined;
    });
    const about = (event: string) => told.filter((piece) => piece["event"] === event);
    expect(about("approval.policyChanged")).toMatchObject([{ actor: "admin", featureId: null }]);
    expect(about("approval.asked")).toMatchObject([
      { actor: "token:ann", featureId, tags: [tag], reason: expect.stringContaining("more of it") },
      { actor: "token:ann" },
    ]);
    expect(about("approval.applied")).toMatchObject([{ actor: "token:bob", featureId }]);
    expect(about("approval.ended")).toMatchObject([{ reason: expect.stringContaining("not today") }]);
    expect(about("hook.fired")).toMatchObject([
      { actor: "hook:pager", featureId, reason: expect.stringContaining("TillOnFire: closed") },
    ]);
    expect(about("schedule.planned")).toMatchObject([
      {
        actor: "admin",
        featureId: later,
        reason: expect.stringContaining(`rollback at ${at.replace("T", " ")} UTC`),
      },
    ]);
  });
});

test("a target is told again what was announced since a time, also when that is days ago", async () => {
  await addTarget("again", rolledBack);
  await rollBack(await makeOpen());
  await waitForOne("/again");
  await allTold("again");
  await letTimePass(database, 3 * 86_400);
  const since = new Date(Date.now() - 4 * 86_400_000).toISOString();
  const { json } = await call("POST", "/notifications/again/redeliver", { since });
  expect(json["queued"]).toBeGreaterThanOrEqual(1);
  await allTold("again");
  const ids = receiver.at("/again").flatMap((message) => newsIn(message).map((n) => n["id"]));
  expect(ids.length).toBeGreaterThan(1);
  expect(ids.at(-1)).toBe(ids[0]);
  expect(await targetOf("again")).toMatchObject({ dropped: 0 });
});

test("a mail server that never speaks holds up neither the end of an origin nor the next attempt", async () => {
  let connections = 0;
  const server = createServer(() => (connections += 1));
  const { port } = await listenOnLoopback(server);
  const sendEmail = makeSendEmail({ url: `smtp://127.0.0.1:${port}`, from: "sluice@shop.test" });
  const mailer = startNews(database, { sendEmail });
  try {
    await pool.query(
      `insert into notification_targets (name, type, config, created_by, updated_by, told_to)
       select 'mail', 'email', '{"type": "email", "to": ["ops@shop.test"]}', 'test', 'test', coalesce(max(id), 0)
       from announcements`,
    );
    await rollBack(await makeOpen());
    await waitFor(async () => connections > 0);
    const began = performance.now();
    await mailer.stop();
    expect(performance.now() - began).toBeLessThan(5_000);
    const { rows } = await pool.query("select lease, attempts from notification_targets where name = 'mail'");
    expect(rows).toEqual([{ lease: null, attempts: 0 }]);
  } finally {
    server.close();
  }
});

test("two processes tell each piece of news once", async () => {
  const second = startNews(database);
  try {
    await addTarget("shared", rolledBack);
    const ids: string[] = [];
    for (let i = 0; i < 4; i += 1) {
      const id = await makeOpen();
      ids.push(id);
      await rollBack(id);
    }
    await waitForOne("/shared", 1);
    await allTold("shared");
    expect(receiver.at("/shared").flatMap((m) => newsIn(m).map((n) => n["featureId"]))).toEqual(ids);
  } finally {
    await second.stop();
  }
});

test("news of another stage is told with its Markdown, and once by its key", async () => {
  await addTarget("reviews");
  const announce = makeAnnounce(database.servicePool);
  for (let i = 0; i < 2; i += 1)
    await announce({
      event: "edge.unconfirmed",
      reason: "Two features cost more than they bring.",
      markdown: "## Zombies\n- feat_old",
      key: "review 2026-W48",
    });
  await waitForOne("/reviews");
  await allTold("reviews");
  expect(receiver.at("/reviews")).toHaveLength(1);
  expect(newsIn(receiver.at("/reviews")[0]!)[0]).toMatchObject({
    featureId: null,
    markdown: "## Zombies\n- feat_old",
  });
});

test("the target of SLACK_WEBHOOK_URL is told of rollbacks, shows where it is from, and is gone when the variable is", async () => {
  const url = `${receiver.url}/from-environment`;
  const own = startNews(database, { environment: new Map([["slack-webhook-url", { type: "slack", url }]]) });
  try {
    const shown = await waitFor(async () => {
      const { status, json } = await call("GET", "/notifications/slack-webhook-url");
      return status === 200 ? json : undefined;
    });
    expect(shown).toMatchObject({ fromEnvironment: true, address: `${receiver.url}/…`, enabled: true });
    expect(JSON.stringify((await pool.query("select config from notification_targets")).rows)).not.toContain(
      "/from-environment",
    );
    await rollBack(await makeOpen());
    const [message] = await waitForOne("/from-environment");
    expect(message!.json["text"]).toMatch(/^Rolled back: feat_\w+\. the till is on fire$/);
    expect(
      await call("DELETE", "/notifications/slack-webhook-url", undefined, { "if-match": "*" }),
    ).toMatchObject({
      status: 409,
      json: { reason: "fromEnvironment" },
    });
  } finally {
    await own.stop();
  }
  await letTimePass(database, 3_700);
  const without = startNews(database);
  await waitFor(async () => (await call("GET", "/notifications/slack-webhook-url")).status === 404);
  await without.stop();
});
