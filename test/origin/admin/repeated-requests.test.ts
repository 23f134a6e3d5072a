// What a client may rely on that sends again: the same answer, and one change.
import { afterAll, describe, expect, test } from "vitest";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.pool });

const post = (path: string, body: object, key?: string) =>
  request(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: key === undefined ? {} : { "idempotency-key": key },
  });
const changesOf = async (featureId: string): Promise<number> => {
  const { rows } = await database.pool.query<{ n: number }>(
    "select count(*)::int as n from rollback_audit where feature_id = $1",
    [featureId],
  );
  return rows[0]?.n ?? 0;
};

describe("a POST with an Idempotency-Key", () => {
  test("is carried out once, and answered alike with the header Idempotent-Replayed", async () => {
    const body = { featureId: "feat_once", rolloutBps: 1000 };
    const first = await post("/features", body, "key-1");
    const again = await post("/features", body, "key-1");
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    for (const name of ["etag", "location", "content-type"])
      expect(again.headers.get(name)).toBe(first.headers.get(name));
    expect(await again.json()).toEqual(await first.json());
    expect(await changesOf("feat_once")).toBe(1);
    expect((await post("/features", body)).status).toBe(409);
  });

  test("is carried out once, however many send it at the same moment", async () => {
    const body = { featureId: "feat_crowd" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => post("/features", body, "key-crowd")));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status !== 201 && status !== 409)).toEqual([]);
    for (const answer of answers.filter(({ status }) => status === 409)) {
      expect(answer.headers.get("retry-after")).toBe("1");
      expect(await answer.json()).toMatchObject({ reason: "idempotencyKeyUnderWay" });
    }
    expect(await changesOf("feat_crowd")).toBe(1);
  });

  test("that names the key of another request is refused", async () => {
    await post("/features", { featureId: "feat_a" }, "key-2");
    const other = await post("/features", { featureId: "feat_b" }, "key-2");
    expect({ status: other.status, json: await other.json() }).toMatchObject({
      status: 422,
      json: { reason: "idempotencyKeyReused" },
    });
    expect(await changesOf("feat_b")).toBe(0);
  });

  test("may be sent again under its key after it was refused", async () => {
    expect((await post("/features/feat_later/rollback", { reason: "too early" }, "key-3")).status).toBe(404);
    await post("/features", { featureId: "feat_later", enabled: true });
    expect((await post("/features/feat_later/rollback", { reason: "too early" }, "key-3")).status).toBe(200);
  });

  test("shares its key with no other token", async () => {
    const made: { secret: string } = JSON.parse(
      await (await post("/tokens", { name: "another", scope: "editor" })).text(),
    );
    await post("/features", { featureId: "feat_first" }, "key-4");
    const other = await request("/features", {
      method: "POST",
      body: JSON.stringify({ featureId: "feat_second" }),
      headers: { authorization: `Bearer ${made.secret}`, "idempotency-key": "key-4" },
    });
    expect(other.status).toBe(201);
  });

  test("is taken over from a process that died with it", async () => {
    const body = { featureId: "feat_orphan" };
    await post("/features", body, "key-5");
    await database.pool.query("update idempotency_keys set answer = null where key = 'key-5'");
    expect((await post("/features", body, "key-5")).status).toBe(409);
    await database.pool.query(
      "update idempotency_keys set begun_at = now() - interval '61 seconds' where key = 'key-5'",
    );
    // It was carried out before, so the feature exists.
    expect(await (await post("/features", body, "key-5")).json()).toMatchObject({ reason: "alreadyExists" });
  });

  test.each(["", "two words", "ü", "x".repeat(256)])("refuses %j as a key, by its name", async (key) => {
    const answer = await post("/features", { featureId: "feat_never" }, key);
    expect({ status: answer.status, json: await answer.json() }).toMatchObject({
      status: 400,
      json: { errors: [{ field: "Idempotency-Key" }] },
    });
  });
});

test("the secret of a new token is kept nowhere, so making one takes no key", async () => {
  const body = { name: "with a key", scope: "viewer" };
  expect((await post("/tokens", body, "key-6")).status).toBe(201);
  expect((await post("/tokens", body, "key-6")).status).toBe(409);
  const { rows } = await database.pool.query("select 1 from idempotency_keys where key = 'key-6'");
  expect(rows).toEqual([]);
});

test("every problem names the request, by the caller's id or one of its own", async () => {
  const own = await request("/features/feat_unknown", { headers: { "x-request-id": "my-request-1" } });
  expect(own.headers.get("x-request-id")).toBe("my-request-1");
  expect(await own.json()).toMatchObject({ requestId: "my-request-1" });
  const given = await request("/features/feat_unknown", { headers: { "x-request-id": "a b\n" } });
  expect(await given.json()).toMatchObject({ requestId: given.headers.get("x-request-id") });
  expect(given.headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
});
