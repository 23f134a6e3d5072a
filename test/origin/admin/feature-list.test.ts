// The fields of those who operate a feature, and the list that finds features by them.
import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { getFeature } from "../../../origin/features/read-features.ts";
import { changesSince } from "../../../origin/features/read-snapshot.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.servicePool });

const Json = z.record(z.string(), z.unknown());
const call = async (method: string, path: string, body?: unknown) => {
  const response = await request(path, {
    method,
    headers: { "if-match": "*" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, json: text === "" ? {} : Json.parse(JSON.parse(text)) };
};

const lifecycle = {
  owner: "Team Checkout",
  description: "One page\ninstead of three",
  link: "https://wiki.example/checkout?a=b#c",
  removeAfter: "2099-12-31",
};

describe("owner, description, link and removeAfter", () => {
  test("are stored, shown in every document, and kept by each kind of change", async () => {
    const featureId = "feat_described";
    const made = await call("POST", "/features", { featureId, rolloutBps: 100, ...lifecycle });
    expect(made).toMatchObject({ status: 201, json: lifecycle });
    const path = `/features/${featureId}`;
    const rule = {
      activationThreshold: 0.1,
      retentionThreshold: 0.1,
      latencyP95Threshold: 900,
      minCohortSize: 100,
      evaluationWindowSeconds: 3_600,
    };
    await call("PUT", `${path}/rule`, rule);
    await call("POST", `${path}/enable`, { reason: "go" });
    await call("POST", `${path}/rollout`, { rolloutBps: 200, reason: "more" });
    await call("PUT", path, { tags: ["a"] });
    await call("POST", `${path}/rollback`, { reason: "stop" });
    expect((await call("GET", path)).json).toMatchObject({ ...lifecycle, tags: ["a"], enabled: false });
    expect((await call("GET", `${path}/why`)).json).toMatchObject(lifecycle);
    const { features } = z
      .object({ features: z.array(Json) })
      .parse((await call("GET", "/features?q=described")).json);
    expect(features).toMatchObject([{ featureId, ...lifecycle, mode: "shadow" }]);
  });

  test("are changed one by one, removed by null, and stand in the audit", async () => {
    const path = "/features/feat_described";
    await call("PUT", path, { owner: "Team Search", link: null });
    expect((await call("GET", path)).json).toMatchObject({
      ...lifecycle,
      owner: "Team Search",
      link: null,
    });
    const { entries } = z
      .object({ entries: z.array(Json) })
      .parse((await call("GET", "/audit?featureId=feat_described&limit=1")).json);
    expect(entries).toMatchObject([
      { action: "update", details: { edit: { owner: "Team Search", link: null } } },
    ]);
  });

  test("never reach an edge", async () => {
    const text = JSON.stringify((await changesSince(database.pool, null)).message);
    expect(text).toContain("feat_described");
    for (const word of ["owner", "Team", "description", "removeAfter", "2099"])
      expect(text).not.toContain(word);
  });

  test("are left alone by a change of an older origin, which does not know them", async () => {
    const featureId = FeatureId.parse("feat_described");
    const before = await getFeature(database.pool, featureId);
    const next = {
      enabled: false,
      rolloutBps: 0,
      holdoutBps: 1_000,
      epoch: 2,
      failureMode: "static",
      targeting: null,
      routes: [],
      gate: null,
      activation: null,
      tags: ["older"],
      requires: [],
      rolloutBeforeBps: null,
      rollbackReason: null,
      latched: false,
    };
    const change = {
      changeId: randomUUID(),
      actor: "ann",
      features: [
        {
          featureId,
          expectedVersion: before?.state.version,
          action: "update",
          reason: "by an older origin",
          details: {},
          next,
          rule: null,
        },
      ],
    };
    await database.pool.query("select commit_change($1)", [JSON.stringify(change)]);
    expect(await getFeature(database.pool, featureId)).toMatchObject({
      tags: ["older"],
      owner: "Team Search",
      description: lifecycle.description,
    });
  });

  test.each([
    ["owner", ""],
    ["owner", "  "],
    ["owner", "a\nb"],
    ["owner", "a\u001b[31mb"],
    ["owner", "x".repeat(129)],
    ["description", "x".repeat(2_001)],
    ["description", "a\u0007"],
    ["link", "javascript:alert(1)"],
    ["link", "https:"],
    ["link", "https://a b"],
    ["link", "//wiki.example"],
    ["link", "https://ann:secret@wiki.example"],
    ["link", "https://wiki.example/\n"],
    ["link", `https://wiki.example/${"x".repeat(2_048)}`],
    ["removeAfter", "2026-02-30"],
    ["removeAfter", "tomorrow"],
    ["removeAfter", "2026-02-03T00:00:00Z"],
    ["removeAfter", 20_260_203],
  ])("%s %j is refused by its name", async (field, value) => {
    expect(await call("POST", "/features", { featureId: "feat_wrong", [field]: value })).toMatchObject({
      status: 400,
      json: { errors: [{ field }] },
    });
  });

  test("a feature that should be gone says so, wherever it is read, and can be sent back", async () => {
    const featureId = "feat_overdue";
    const due = expect.stringContaining("should be gone since 2026-01-31");
    const made = await call("POST", "/features", { featureId, removeAfter: "2026-01-31" });
    expect(made.json["warnings"]).toEqual([due]);
    const read = await call("GET", `/features/${featureId}`);
    expect(read.json["warnings"]).toEqual([due]);
    expect((await call("GET", `/features/${featureId}/why`)).json["warnings"]).toContainEqual(due);
    expect((await call("PUT", `/features/${featureId}`, read.json)).status).toBe(200);
    const today = new Date().toISOString().slice(0, 10);
    const later = await call("PUT", `/features/${featureId}`, { removeAfter: today });
    expect(later.json).not.toHaveProperty("warnings");
  });
});

const Page = z.object({
  features: z.array(z.object({ featureId: z.string() })),
  total: z.number(),
  next: z.string().nullable(),
});

const readPage = async (query: string) => Page.parse((await call("GET", `/features?${query}`)).json);

/** Ids of all pages, in their order. */
const readAll = async (query: string, limit: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let after: string | null = ""; after !== null;) {
    const page: z.infer<typeof Page> = await readPage(
      `${query}&limit=${limit}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`,
    );
    ids.push(...page.features.map(({ featureId }) => featureId));
    after = page.next;
  }
  return ids;
};

describe("the list of features", () => {
  const owners = ["zoe", "Ann", "ann", "Ümit", null];
  const names: string[] = [];
  test("is filtered by tag, owner, state and text, and counts what the filters leave", async () => {
    for (let i = 0; i < 23; i++) {
      const featureId = `list_${String((i * 7) % 23).padStart(2, "0")}`;
      names.push(featureId);
      await call("POST", "/features", {
        featureId,
        rolloutBps: (i % 4) * 1_000,
        owner: owners[i % owners.length],
        tags: i % 3 === 0 ? ["third", "list"] : ["list"],
        description: i === 5 ? "100% of_it" : null,
        ...(i % 6 === 0 ? {} : { removeAfter: `2099-01-${String((i % 5) + 10)}` }),
        enabled: i % 2 === 0,
      });
    }
    await call("POST", "/features/list_00/rollback", { reason: "x" });
    expect(await readAll("tag=third", 3)).toHaveLength(8);
    expect(await readPage("tag=third&limit=2")).toMatchObject({ total: 8 });
    expect(await readAll("owner=ann", 100)).toHaveLength(5);
    expect(await readAll("tag=list&state=rolledBack", 100)).toEqual(["list_00"]);
    expect(await readAll("tag=list&state=open", 5)).toHaveLength(11);
    expect(await readAll("tag=list&state=closed", 5)).toHaveLength(11);
    expect(await readAll("q=LIST_0", 4)).toHaveLength(10);
    expect(await readAll("q=%C3%BCmit", 4)).toHaveLength(4);
    expect(await readAll("q=100%25%20of_", 4)).toHaveLength(1);
    expect(await readAll("q=100%25_of", 4)).toHaveLength(0);
  });

  test.each(["featureId", "owner", "createdAt", "updatedAt", "rolloutBps", "removeAfter"])(
    "is sorted by %s, and pages of any size are the same list in either order",
    async (sort) => {
      for (const order of ["asc", "desc"]) {
        const whole = await readAll(`tag=list&sort=${sort}&order=${order}`, 500);
        expect(whole.toSorted()).toEqual(names.toSorted());
        for (const limit of [1, 4, 23])
          expect(await readAll(`tag=list&sort=${sort}&order=${order}`, limit)).toEqual(whole);
      }
    },
  );

  test("has features without the value last, in either order", async () => {
    const unowned = names.filter((_, i) => owners[i % owners.length] === null).toSorted();
    for (const order of ["asc", "desc"])
      expect((await readAll(`tag=list&sort=owner&order=${order}`, 7)).slice(-4).toSorted()).toEqual(unowned);
  });

  test("repeats nothing and leaves nothing out when features are made and deleted between pages", async () => {
    for (const sort of ["featureId", "createdAt", "rolloutBps"]) {
      const first = await readPage(`tag=list&sort=${sort}&limit=10`);
      const made = `list_0_${sort}`;
      await call("POST", "/features", { featureId: made, tags: ["list"] });
      const gone = first.features[2]?.featureId ?? "";
      await call("DELETE", `/features/${gone}`);
      const rest = await readAll(`tag=list&sort=${sort}&after=${encodeURIComponent(first.next ?? "")}`, 500);
      const seen = [...first.features.map(({ featureId }) => featureId), ...rest];
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((id) => id !== made).toSorted()).toEqual(names.toSorted());
      await call("DELETE", `/features/${made}`);
      await call("POST", "/features", { featureId: gone, tags: ["list"] });
    }
  });

  test.each([
    "sort=nothing",
    "order=up",
    "state=gone",
    "sort=owner&after=feat_a",
    "sort=owner&after=e30",
    `sort=updatedAt&after=${Buffer.from('["updatedAt","asc","yesterday","a"]').toString("base64url")}`,
    `sort=rolloutBps&after=${Buffer.from('["rolloutBps","desc","1","a"]').toString("base64url")}`,
    `sort=owner&after=${Buffer.from('["owner","asc","\\u0000","a"]').toString("base64url")}`,
  ])("with %s is 400", async (query) => {
    expect((await call("GET", `/features?${query}`)).status).toBe(400);
  });

  test("is still read by an origin that finds a value which its own bounds would refuse", async () => {
    await makeFeatureChanges({ pool: database.pool, newId: randomUUID }).createFeature(
      { featureId: FeatureId.parse("feat_wide"), enabled: true, rolloutBps: 100 },
      { actor: "ann", reason: "x" },
    );
    await database.pool.query(
      `update feature_flags set operator_fields = jsonb_build_object('owner', repeat('x', 500), 'later', 1)
       where feature_id = 'feat_wide'`,
    );
    expect((await readPage("q=feat_wide")).features).toHaveLength(1);
    expect((await call("POST", "/features/feat_wide/rollback", { reason: "x" })).status).toBe(200);
    const { rows } = await database.pool.query(
      "select operator_fields ->> 'later' as later from feature_flags where feature_id = 'feat_wide'",
    );
    expect(rows).toEqual([{ later: "1" }]);
  });
});
