// Targets over the API: what is refused, what is shown, and how a secret is changed.
import { Webhook } from "standardwebhooks";
import { afterAll, describe, expect, test } from "vitest";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { startReceiver } from "../../support/receiver.ts";

const database = await makeTestDatabase();
const receiver = await startReceiver();
const { request, document } = makeAdminApp({ pool: database.servicePool, allowedHosts: ["127.0.0.1"] });
afterAll(async () => {
  await receiver.stop();
  await database.drop();
});

type Json = Record<string, unknown>;
const call = async (method: string, path: string, body?: unknown, headers: object = {}) => {
  const response = await request(`/notifications${path}`, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    etag: response.headers.get("etag"),
    json: (text === "" ? {} : JSON.parse(text)) as Json,
  };
};
const slack = { type: "slack", url: "https://hooks.slack.com/services/T0/B0/the-slack-token" };

describe("a target", () => {
  test("is made, listed, changed and removed, and no answer shows its address or secret again", async () => {
    const made = await call("POST", "", { name: "ops", ...slack, events: ["feature.kept"], tags: ["a"] });
    expect(made).toMatchObject({
      status: 201,
      etag: '"1"',
      json: {
        name: "ops",
        type: "slack",
        address: "https://hooks.slack.com/…",
        secret: null,
        createdBy: "admin",
      },
    });
    expect((await call("POST", "", { name: "ops", ...slack })).json).toMatchObject({
      reason: "alreadyExists",
    });

    const put = { type: "slack", features: ["feat_a"] };
    expect((await call("PUT", "/ops", put)).status).toBe(428);
    expect(await call("PUT", "/ops", put, { "if-match": '"9"' })).toMatchObject({
      status: 412,
      json: { detail: "the target is at version 1 now" },
    });
    expect(await call("PUT", "/ops", put, { "if-match": 'W/"1"' })).toMatchObject({
      status: 200,
      etag: '"2"',
      json: { events: null, features: ["feat_a"], tags: null, version: 2 },
    });
    const stored = await database.pool.query("select config ->> 'url' as url from notification_targets");
    expect(stored.rows).toEqual([{ url: slack.url }]);
    const wrongType = await call("PUT", "/ops", { type: "email", to: ["a@x.test"] }, { "if-match": "*" });
    expect(wrongType).toMatchObject({ status: 400, json: { errors: [{ field: "type" }] } });

    for (const path of ["", "/ops"])
      expect(JSON.stringify(await call("GET", path))).not.toContain("the-slack-token");
    expect((await call("DELETE", "/ops")).status).toBe(428);
    expect((await call("DELETE", "/ops", undefined, { "if-match": '"2"' })).status).toBe(204);
    expect((await call("GET", "/ops")).status).toBe(404);
  });

  test.each([
    [{ ...slack, name: "Ops Team" }, "name"],
    [{ ...slack, name: "x", url: "https://169.254.169.254/latest/meta-data/" }, "url"],
    [{ ...slack, name: "x", url: "https://[::ffff:10.0.0.1]/" }, "url"],
    [{ ...slack, name: "x", url: "http://hooks.slack.com/" }, "url"],
    [{ ...slack, name: "x", url: "https://me:pw@hooks.slack.com/" }, "url"],
    [{ ...slack, name: "x", events: ["feature.unknown"] }, "events.0"],
    [{ ...slack, name: "x", events: [] }, "events"],
    [{ ...slack, name: "x", surprise: true }, "surprise"],
    [{ ...slack, name: "x", secret: `whsec_${"A".repeat(44)}` }, "secret"],
    [{ name: "x", type: "pigeon" }, "type"],
    [{ name: "x", type: "webhook", url: slack.url, secret: "whsec_short" }, "secret"],
    [{ name: "x", type: "email", to: ["a@x.test\r\nBcc: b@x.test"] }, "to.0"],
  ])("%j is refused by its field %s", async (body, field) => {
    const { status, json } = await call("POST", "", body);
    expect({ status, fields: (json["errors"] as Json[]).map((error) => error["field"]) }).toEqual({
      status: 400,
      fields: [field],
    });
  });

  test("of the type email is refused where there is no mail server, with what to do", async () => {
    expect(await call("POST", "", { name: "x", type: "email", to: ["a@x.test"] })).toMatchObject({
      status: 409,
      json: { reason: "noSmtp", detail: expect.stringContaining("SMTP_URL") },
    });
  });

  test("is tried at once, and the answer says what became of it", async () => {
    await call("POST", "", { name: "tried", type: "webhook", url: `${receiver.url}/tried` });
    expect((await call("POST", "/tried/test")).json).toMatchObject({ delivered: true, error: null });
    expect(receiver.at("/tried")[0]?.json).toMatchObject({
      type: "test",
      data: { title: "Test", news: [{ actor: "admin" }] },
    });
    receiver.state.answer = { status: 403, body: "invalid_token" };
    expect((await call("POST", "/tried/test")).json).toMatchObject({
      delivered: false,
      error: "it answered 403: invalid_token",
    });
    receiver.state.answer = { status: 200 };
    expect((await call("POST", "/nobody/test")).status).toBe(404);
  });

  test("changes its secret while both sign, then the new one alone", async () => {
    const made = await call("POST", "", { name: "rotated", type: "webhook", url: `${receiver.url}/rotated` });
    const old = String(made.json["secret"]);
    const changed = await call("POST", "/rotated/secret", { keepPreviousSeconds: 3_600 });
    const secret = String(changed.json["secret"]);
    expect(secret).not.toBe(old);
    const lastIsGenuine = async (by: string) => {
      await call("POST", "/rotated/test");
      const { body, headers } = receiver.at("/rotated").at(-1)!;
      try {
        new Webhook(by).verify(body, headers as never);
        return true;
      } catch {
        return false;
      }
    };
    expect([await lastIsGenuine(old), await lastIsGenuine(secret)]).toEqual([true, true]);
    await call("POST", "/rotated/secret", { secret, keepPreviousSeconds: 0 });
    expect([await lastIsGenuine(old), await lastIsGenuine(secret)]).toEqual([false, true]);
    await call("POST", "", { name: "no-secret", ...slack });
    expect((await call("POST", "/no-secret/secret", {})).json).toMatchObject({ reason: "noSecret" });
  });
});

test("the OpenAPI document names the schema of the webhook's message", async () => {
  const { webhooks } = JSON.parse(JSON.stringify(document)) as { webhooks: Json };
  expect(webhooks["news"]).toMatchObject({
    post: {
      requestBody: {
        content: { "application/json": { schema: { $ref: "#/components/schemas/NewsMessage" } } },
      },
    },
  });
});
