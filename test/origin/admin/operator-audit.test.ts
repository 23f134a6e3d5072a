// What operators change beside features is in the audit's chain, as the admin API shows it.
import { afterAll, expect, test } from "vitest";
import { verifyAudit } from "../../../origin/features/audit/verify-audit.ts";
import { currentHead } from "../../../origin/features/read-snapshot.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { columnsThatHold } from "../../support/everything-stored.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.servicePool });

type Row = { action: string; featureId: string; reason: string; actor: string; details: object };
const ask = async (method: string, path: string, body?: object, headers: object = {}) => {
  const answer = await request(path, { method, body: body ? JSON.stringify(body) : null, headers });
  const text = await answer.text();
  expect(`${method} ${path} ${answer.status} ${answer.ok ? "" : text}`).toMatch(/ 20\d $/);
  return { json: text === "" ? {} : JSON.parse(text), etag: answer.headers.get("etag") ?? "" };
};
const audit = async (action: string): Promise<string[]> => {
  const { json } = await ask("GET", `/audit?action=${action}`);
  return json.entries.map((row: Row) => `${row.featureId}: ${row.reason} by ${row.actor}`).toReversed();
};

test("hooks, targets, policies and tokens leave rows in the audit that hold no secret, and edges get their revision", async () => {
  const hook = await ask("POST", "/hooks", { name: "pager", source: "grafana", allowedTags: ["checkout"] });
  const replaced = await ask("POST", "/hooks/pager/secret", {}, { "if-match": hook.etag });
  await ask("DELETE", "/hooks/pager", undefined, { "if-match": replaced.etag || "*" });
  expect(await audit("hook")).toEqual([
    "hook:pager: the hook was made by admin",
    "hook:pager: the secret of the hook was replaced by admin",
    "hook:pager: the hook was deleted by admin",
  ]);

  const target = {
    name: "chat",
    type: "slack",
    url: "https://hooks.slack.example/services/T0/B0/secret-part",
  };
  await ask("POST", "/notifications", target);
  await ask("DELETE", "/notifications/chat", undefined, { "if-match": "*" });
  expect(await audit("target")).toEqual([
    "target:chat: the notification target was made by admin",
    "target:chat: the notification target was deleted by admin",
  ]);

  const token = await ask("POST", "/tokens", { name: "pipeline", scope: "editor" });
  await ask("DELETE", `/tokens/${token.json.tokenId}`);
  expect(await audit("token")).toEqual([
    `token:${token.json.tokenId}: the token was made by admin`,
    `token:${token.json.tokenId}: the token was revoked by admin`,
  ]);
  expect(await audit("segment")).toEqual([]);

  for (const secret of [hook.json.secret, replaced.json.secret, "secret-part", token.json.secret]) {
    expect(secret).toEqual(expect.any(String));
    const columns = await columnsThatHold(database.pool, secret);
    expect(columns.filter((column) => column.startsWith("rollback_audit"))).toEqual([]);
  }
  const verdict = await verifyAudit(database.pool);
  expect(verdict).toMatchObject({ ok: true, rows: 7 });
  const { message } = await currentHead(database.pool, null);
  expect(message).toMatchObject({ revision: 7 });
  const { rows } = await database.pool.query("select from outbox where topic = 'state'");
  expect(rows).toHaveLength(7);
});
