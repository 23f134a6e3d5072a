// The event stream as a client reads it.
import { afterAll, describe, expect, test } from "vitest";
import {
  recordConfirmed,
  recordFailed,
  registerEdges,
} from "../../../origin/delivery/edges/confirmations.ts";
import { Revision } from "../../../shared/ids.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { waitFor } from "../../support/telemetry.ts";

const database = await makeTestDatabase();
const stopping = new AbortController();
const { app, request } = makeAdminApp({ pool: database.pool, stopping: stopping.signal });
const headers = { authorization: "Bearer the-admin-token" };
afterAll(() => database.drop());

type Message = { event: string; id: string | undefined; data: Record<string, unknown> };

const parse = (text: string): Message => {
  const field = (name: string) => text.match(new RegExp(`^${name}: ?(.*)$`, "m"))?.[1];
  return { event: field("event") ?? "", id: field("id"), data: JSON.parse(field("data") ?? "null") };
};

const watch = async (query = "", more: object = {}) => {
  const response = await app.request(`/admin/v1/events${query}`, { headers: { ...headers, ...more } });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const messages: Message[] = [];
  let isConnected = false;
  let isOver = false;
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const read = async (): Promise<void> => {
    let text = "";
    for (;;) {
      const part = await reader?.read();
      if (part?.value === undefined) break;
      text += part.value;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        if (block.startsWith(":")) isConnected = true;
        else messages.push(parse(block));
      }
    }
    isOver = true;
  };
  void read();
  await waitFor(async () => isConnected);
  return { messages, isOver: () => isOver, close: () => reader?.cancel() };
};

const create = (featureId: string) =>
  request("/features", { method: "POST", body: JSON.stringify({ featureId }) });
const evaluate = (featureId: string, state: string) =>
  database.pool.query(
    `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
     values ($1, 1, 1, now(), 'shadow', 'WAIT', $2, 0, '{"reason": "too few"}')`,
    [featureId, state],
  );

describe("the event stream", () => {
  test("tells what happens to a request for approval, and to the policy", async () => {
    const stream = await watch();
    const send = (method: string, path: string, body: object, more: object = {}) =>
      request(path, { method, body: JSON.stringify(body), headers: more });
    const policy = { tags: ["payment"], reason: "money" };
    await send("PUT", "/approvals/policy", policy, { "if-match": '"0"' });
    const asked = await send("POST", "/features", { featureId: "feat_paid", tags: ["payment"] });
    expect(asked.status).toBe(202);
    await request(`${asked.headers.get("location")?.replace("/admin/v1", "")}/withdraw`, { method: "POST" });
    await waitFor(async () => stream.messages.length === 3);
    const featureIds = ["feat_paid"];
    expect(stream.messages).toMatchObject([
      { event: "policy", id: undefined, data: { version: 1, tags: ["payment"], actor: "admin" } },
      { event: "approval", data: { state: "open", featureIds, askedBy: "admin", decidedBy: null } },
      { event: "approval", data: { state: "withdrawn", featureIds, decidedBy: "admin" } },
    ]);
    await stream.close();
  });

  test("tells changes and evaluations as they come, and nothing of before", async () => {
    await create("feat_before");
    await evaluate("feat_before", "COLLECTING");
    const stream = await watch();
    await create("feat_now");
    await evaluate("feat_now", "TESTING");
    await waitFor(async () => stream.messages.length === 2);
    expect(stream.messages.toSorted((a, b) => a.event.localeCompare(b.event))).toMatchObject([
      { event: "change", data: { featureId: "feat_now", action: "create", actor: "admin" } },
      {
        event: "evaluation",
        id: undefined,
        data: { featureId: "feat_now", state: "TESTING", reason: "too few" },
      },
    ]);
    await stream.close();
  });

  test("goes on after the last event that a client had, each change once and in order", async () => {
    const first = await watch();
    await create("feat_1");
    await waitFor(async () => first.messages.length === 1);
    await first.close();
    for (let i = 2; i <= 6; i += 1) await create(`feat_${i}`);
    const again = await watch("", { "last-event-id": first.messages[0]?.id });
    await create("feat_7");
    await waitFor(async () => again.messages.length === 6);
    expect(again.messages.map(({ data }) => data["featureId"])).toEqual(
      [2, 3, 4, 5, 6, 7].map((i) => `feat_${i}`),
    );
    await again.close();
    const byQuery = await watch(`?lastEventId=${again.messages[4]?.id}`);
    await waitFor(async () => byQuery.messages.length === 1);
    expect(byQuery.messages[0]?.data["featureId"]).toBe("feat_7");
    await byQuery.close();
  });

  test("goes on for a client of a history that the database has lost", async () => {
    const stream = await watch("", { "last-event-id": "999999" });
    await create("feat_after_restore");
    await waitFor(async () => stream.messages.length === 1);
    await stream.close();
  });

  test("tells what an edge has confirmed and whether it is reached, each once", async () => {
    const url = "https://edge.example";
    await registerEdges(database.pool, [url]);
    const stream = await watch();
    // A stream of before may still be there, and then the edge itself is news.
    const heard = () => stream.messages.filter(({ data }) => data["revision"] !== null);
    const confirm = (revision: number) =>
      recordConfirmed(database.pool, url, {
        kind: "confirmed",
        takesParts: true,
        isSigned: true,
        disputed: [],
        revision: Revision.parse(revision),
        regions: [{ region: "weur", revision: Revision.parse(revision), ms: 4 }],
      });
    await confirm(1);
    await waitFor(async () => heard().length === 1);
    await recordFailed(database.pool, url, { error: "connect ECONNREFUSED", attempts: 1 });
    await waitFor(async () => heard().length === 2);
    // Tried again, and refused again: nobody has to hear of that.
    await recordFailed(database.pool, url, { error: "connect ECONNREFUSED", attempts: 2 });
    await confirm(1);
    await waitFor(async () => heard().length === 3);
    expect(heard()).toMatchObject([
      { event: "edge", id: undefined, data: { url, completeRevision: 1, failingSince: null } },
      { event: "edge", data: { url, lastError: "connect ECONNREFUSED", failingSince: expect.any(String) } },
      { event: "edge", data: { url, completeRevision: 1, failingSince: null, lastError: null } },
    ]);
    await stream.close();
  });

  test("serves many at once, each with everything", async () => {
    const streams = await Promise.all(Array.from({ length: 20 }, () => watch()));
    await create("feat_for_all");
    for (const { messages, close } of streams) {
      await waitFor(async () => messages.length === 1);
      await close();
    }
  });

  test.each(["x", "-1", "1.5"])("refuses %j as the last event", async (id) => {
    const response = await request("/events", { headers: { "last-event-id": id } });
    expect(response.status).toBe(400);
  });

  test("ends when the origin stops", async () => {
    const stream = await watch();
    stopping.abort();
    await waitFor(async () => stream.isOver());
  });
});
