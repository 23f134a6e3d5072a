// Segments in configuration files over the API: planned with the features that they change, and applied with them in one revision.
import { afterAll, describe, expect, test } from "vitest";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.pool });

type Json = Record<string, unknown>;
type Answer = { status: number; json: Json };
const send = async (method: string, path: string, body?: unknown, headers: object = {}): Promise<Answer> => {
  const response = await request(path, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: method === "PUT" || method === "DELETE" ? { "if-match": "*", ...headers } : headers,
  });
  const text = await response.text();
  return { status: response.status, json: text === "" ? {} : JSON.parse(text) };
};
const post = (path: string, body: unknown, headers: object = {}) => send("POST", path, body, headers);
const get = async (path: string): Promise<Json> => (await send("GET", path)).json;

const inCountry = (value: string) => ({ attribute: "country", operator: "equals", value });
type Files = {
  source: string;
  features: readonly object[];
  segments: readonly object[];
  removed?: string;
  takeOver?: boolean;
};
let sources = 0;
/** Files of a source of their own. */
const files = (given: { segments?: readonly object[]; features?: readonly object[] }): Files => {
  sources += 1;
  const inFile = (one: object) => Object.assign({ file: "a.yaml" }, one);
  return {
    source: `source-${sources}`,
    segments: (given.segments ?? []).map(inFile),
    features: (given.features ?? []).map(inFile),
  };
};
const plan = async (content: Files): Promise<Json> => {
  const { status, json } = await post("/plan", content);
  expect({ status, json }).toMatchObject({ status: 200 });
  return json;
};
const applyOf = (content: Files, { hash, base, baseSegments }: Json) => ({
  ...content,
  hash,
  base,
  baseSegments,
});
const apply = async (content: Files): Promise<Json> => {
  const { status, json } = await post("/apply", applyOf(content, await plan(content)));
  expect({ status, json }).toMatchObject({ status: 200 });
  return json;
};
const errorsOf = async (content: Files) => {
  const { status, json } = await post("/plan", content);
  return { status, errors: json["errors"] };
};
/** What edges get. */
const targetingAtEdges = async (featureId: string): Promise<unknown> => {
  const { rows } = await database.pool.query<{ targeting: unknown }>(
    "select targeting from feature_flags where feature_id = $1",
    [featureId],
  );
  return rows[0]?.targeting;
};
const revisionsOf = async (planHash: unknown) => {
  const { rows } = await database.pool.query<{ feature_id: string; revision: string }>(
    "select feature_id, revision from rollback_audit where details #>> '{config,plan}' = $1 order by seq",
    [planHash],
  );
  return rows.map((row) => [row.feature_id, Number(row.revision)]);
};

describe("an apply", () => {
  test("creates segments and the features that use them in one revision, whatever their order", async () => {
    const content = files({
      segments: [
        { segmentId: "new-outer", condition: { operator: "not", condition: { segment: "new-inner" } } },
        { segmentId: "new-inner", condition: inCountry("DE"), description: "at home" },
      ],
      features: [{ featureId: "new-user", targeting: { segment: "new-outer" } }],
    });
    const planned = await plan(content);
    expect(planned).toMatchObject({
      changed: true,
      segments: [
        { segmentId: "new-outer", file: "a.yaml", action: "create", features: [] },
        { segmentId: "new-inner", action: "create" },
      ],
      baseSegments: [
        { segmentId: "new-inner", version: null },
        { segmentId: "new-outer", version: null },
      ],
    });
    const { revision } = await apply(content);
    expect(await revisionsOf(planned["hash"])).toEqual([
      ["segment:new-outer", revision],
      ["segment:new-inner", revision],
      ["new-user", revision],
    ]);
    expect(await targetingAtEdges("new-user")).toEqual({ operator: "not", condition: inCountry("DE") });
    expect(await get("/segments/new-inner")).toMatchObject({
      description: "at home",
      managedBy: { source: content.source, file: "a.yaml", drift: [] },
    });
    expect(await plan(content)).toMatchObject({ changed: false, segments: [], features: [] });
  });

  test("of a segment changes all features that use it, of every owner, and the plan shows them", async () => {
    const rule = {
      activationThreshold: 0.1,
      retentionThreshold: 0,
      latencyP95Threshold: 300,
      minCohortSize: 100,
      evaluationWindowSeconds: 86_400,
    };
    const own = {
      featureId: "move-own",
      targeting: { segment: "move" },
      enabled: true,
      rolloutBps: 100,
      rule,
    };
    const content = files({
      segments: [{ segmentId: "move", condition: inCountry("DE") }],
      features: [own],
    });
    await apply(content);
    await apply(files({ features: [{ featureId: "move-theirs", targeting: { segment: "move" } }] }));
    await post("/features", { featureId: "move-by-hand", targeting: { segment: "move" } });
    const edited = {
      ...content,
      segments: [{ segmentId: "move", file: "a.yaml", condition: inCountry("AT") }],
    };
    const planned = await plan(edited);
    expect(planned).toMatchObject({
      counts: { update: 3 },
      segments: [
        {
          action: "update",
          changes: [{ field: "condition", from: inCountry("DE"), to: inCountry("AT"), by: "file" }],
          features: ["move-by-hand", "move-own", "move-theirs"],
          warnings: [expect.stringContaining("1 of its features is on trial (move-own)")],
        },
      ],
    });
    expect(planned["features"]).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          featureId: "move-own",
          action: "update",
          changes: [],
          notes: ["its targeting changes with segment move"],
          visitors: "some who have it may lose it, and others get it, at once",
        }),
        expect.objectContaining({ featureId: "move-by-hand", action: "update", file: null }),
      ]),
    );
    const { revision } = await apply(edited);
    for (const id of ["move-own", "move-theirs", "move-by-hand"]) {
      expect(await targetingAtEdges(id)).toEqual(inCountry("AT"));
      expect(await get(`/features/${id}`)).toMatchObject({ version: 2, revision });
    }
    expect(await get("/features/move-by-hand")).toMatchObject({ managedBy: null });
    expect(await get("/features/move-theirs")).toMatchObject({ managedBy: { drift: [] } });
  });

  test("changes a feature's own targeting and its segment's together", async () => {
    const content = files({
      segments: [{ segmentId: "both", condition: inCountry("DE") }],
      features: [{ featureId: "both-user", targeting: { segment: "both" } }],
    });
    await apply(content);
    const without = {
      ...content,
      segments: [{ segmentId: "both", file: "a.yaml", condition: inCountry("FR") }],
      features: [
        {
          featureId: "both-user",
          file: "a.yaml",
          targeting: { operator: "not", condition: { segment: "both" } },
        },
      ],
    };
    await apply(without);
    expect(await targetingAtEdges("both-user")).toEqual({ operator: "not", condition: inCountry("FR") });
  });

  test("applies nothing when a segment changed since the plan, and names it", async () => {
    const content = files({ segments: [{ segmentId: "stale", condition: inCountry("DE") }] });
    await apply(content);
    const edited = {
      ...content,
      segments: [{ segmentId: "stale", file: "a.yaml", condition: inCountry("AT") }],
      features: [{ featureId: "stale-user", file: "a.yaml", targeting: { segment: "stale" } }],
    };
    const planned = await plan(edited);
    await send("PUT", "/segments/stale", { condition: inCountry("CH") });
    expect(await post("/apply", applyOf(edited, planned))).toMatchObject({
      status: 412,
      json: {
        reason: "moved",
        detail: expect.stringContaining("segment stale changed since the plan"),
        moved: [{ segmentId: "stale", planned: 1, have: 2 }],
      },
    });
    expect(await get("/segments/stale")).toMatchObject({ condition: inCountry("CH") });
    expect((await send("GET", "/features/stale-user")).status).toBe(404);
  });

  test("applies nothing when a segment that only its features name changed, also for callers who send no baseSegments", async () => {
    await post("/segments", { segmentId: "outside", condition: inCountry("DE") });
    const content = files({ features: [{ featureId: "outside-user", targeting: { segment: "outside" } }] });
    const planned = await plan(content);
    expect(planned["baseSegments"]).toEqual([{ segmentId: "outside", version: 1 }]);
    const { baseSegments: _none, ...body } = applyOf(content, planned);
    await send("PUT", "/segments/outside", { condition: inCountry("AT") });
    expect((await post("/apply", applyOf(content, planned))).status).toBe(412);
    expect((await post("/apply", body)).status).toBe(409);
    const { baseSegments: _left, ...again } = applyOf(content, await plan(content));
    expect((await post("/apply", again)).status).toBe(200);
  });

  test("applies nothing when a feature began to use the segment since the plan", async () => {
    const content = files({ segments: [{ segmentId: "joined", condition: inCountry("DE") }] });
    await apply(content);
    const edited = {
      ...content,
      segments: [{ segmentId: "joined", file: "a.yaml", condition: inCountry("AT") }],
    };
    const planned = await plan(edited);
    await post("/features", { featureId: "joined-user", targeting: { segment: "joined" } });
    expect(await post("/apply", applyOf(edited, planned))).toMatchObject({
      status: 412,
      json: { moved: [{ featureId: "joined-user", planned: null, have: 1 }] },
    });
    expect(await targetingAtEdges("joined-user")).toEqual(inCountry("DE"));
  });

  test("beside changes of the same segment and feature by hand leaves no feature behind its segment", async () => {
    const at = (value: string) =>
      ({
        ...content,
        segments: [{ segmentId: "race", file: "a.yaml", condition: inCountry(value) }],
      }) satisfies Files;
    const content = files({
      segments: [{ segmentId: "race", condition: inCountry("DE") }],
      features: [{ featureId: "race-user", targeting: { segment: "race" } }],
    });
    await apply(content);
    const bodies = await Promise.all(
      ["AT", "CH", "FR"].map(async (to) => applyOf(at(to), await plan(at(to)))),
    );
    const answers = await Promise.all([
      ...bodies.map((body) => post("/apply", body)),
      send("PUT", "/segments/race", { condition: inCountry("IT") }),
      post("/features", { featureId: "race-late", targeting: { segment: "race" } }),
      post("/features/race-user/rollback", { reason: "broken" }),
    ]);
    expect(answers.every(({ status }) => status < 500)).toBe(true);
    const { condition } = await get("/segments/race");
    expect(await targetingAtEdges("race-user")).toEqual(condition);
    expect(await targetingAtEdges("race-late")).toEqual(condition);
    expect(await get("/features/race-user")).toMatchObject({ enabled: false });
  });
});

describe("a segment that left the files", () => {
  test("is deleted when nobody uses it, together with the features and segments that did", async () => {
    const content = files({
      segments: [
        { segmentId: "gone-outer", condition: { operator: "not", condition: { segment: "gone-inner" } } },
        { segmentId: "gone-inner", condition: inCountry("DE") },
      ],
      features: [{ featureId: "gone-user", targeting: { segment: "gone-outer" } }],
    });
    await apply(content);
    const empty = { ...content, segments: [], features: [] };
    expect(await plan(empty)).toMatchObject({
      segments: [
        { segmentId: "gone-inner", action: "delete", notes: ["it left a.yaml"] },
        { segmentId: "gone-outer", action: "delete" },
      ],
      features: [{ featureId: "gone-user", action: "delete" }],
    });
    await apply(empty);
    expect((await send("GET", "/segments/gone-outer")).status).toBe(404);
    expect((await send("GET", "/segments/gone-inner")).status).toBe(404);
    expect(await plan(empty)).toMatchObject({ changed: false, segments: [] });
  });

  test("stays while somebody uses it, and the plan says who", async () => {
    const content = files({
      segments: [
        { segmentId: "kept-outer", condition: { operator: "not", condition: { segment: "kept-inner" } } },
        { segmentId: "kept-inner", condition: inCountry("DE") },
      ],
    });
    await apply(content);
    await post("/features", { featureId: "kept-user", targeting: { segment: "kept-outer" } });
    const empty = { ...content, segments: [] };
    expect(await plan(empty)).toMatchObject({
      changed: false,
      segments: [
        {
          segmentId: "kept-inner",
          action: "keep",
          notes: ["it left a.yaml, and stays because kept-user uses it"],
        },
        { segmentId: "kept-outer", action: "keep" },
      ],
    });
    await send("PUT", "/features/kept-user", { targeting: null, reason: "for all" });
    await apply(empty);
    expect((await send("GET", "/segments/kept-inner")).status).toBe(404);
  });

  test("is released where it is asked for, and is nobody's then", async () => {
    const content = files({ segments: [{ segmentId: "released", condition: inCountry("DE") }] });
    await apply(content);
    const empty = { ...content, segments: [] };
    await apply({ ...empty, removed: "release" });
    expect(await get("/segments/released")).toMatchObject({ managedBy: null });
    expect(await plan(empty)).toMatchObject({ changed: false });
  });
});

describe("a segment's owner", () => {
  test("stands in its document, and a change by hand says what the file takes back", async () => {
    const content = files({
      segments: [{ segmentId: "owned", condition: inCountry("DE"), description: "at home" }],
    });
    await apply(content);
    const changed = await send("PUT", "/segments/owned", { condition: inCountry("AT") });
    expect(changed.json["warnings"]).toEqual([
      `a.yaml of ${content.source} owns this segment: its next apply takes back condition. Change the file too`,
    ]);
    const drift = [{ field: "condition", file: inCountry("DE"), now: inCountry("AT") }];
    expect(await get("/segments/owned")).toMatchObject({ managedBy: { drift } });
    const listed = (await get("/segments?limit=500"))["segments"] as readonly Json[];
    expect(listed.find((one) => one["segmentId"] === "owned")).toMatchObject({ managedBy: { drift } });
    expect(await plan(content)).toMatchObject({
      segments: [
        { changes: [{ field: "condition", from: inCountry("AT"), to: inCountry("DE"), by: "hand" }] },
      ],
    });
    await apply(content);
    expect(await get("/segments/owned")).toMatchObject({
      condition: inCountry("DE"),
      managedBy: { drift: [] },
    });
  });

  test("becomes the source that names one that exists, and no other without a take-over", async () => {
    await post("/segments", { segmentId: "adopted", condition: inCountry("DE") });
    const content = files({ segments: [{ segmentId: "adopted", condition: inCountry("DE") }] });
    expect(await plan(content)).toMatchObject({ changed: true, segments: [{ action: "adopt" }] });
    await apply(content);
    expect(await get("/segments/adopted")).toMatchObject({ managedBy: { source: content.source } });
    const other = files({ segments: [{ segmentId: "adopted", condition: inCountry("DE") }] });
    expect(await errorsOf(other)).toMatchObject({
      status: 400,
      errors: [
        {
          field: "segments.0.segmentId",
          detail: expect.stringContaining(`${content.source} owns it (a.yaml)`),
        },
      ],
    });
    await apply({ ...other, takeOver: true });
    expect(await plan({ ...content, segments: [] })).toMatchObject({ changed: false });
  });
});

describe("segments that cannot be", () => {
  test("are named by their place: a circle, one that is not there, and a feature that would be too large", async () => {
    expect(
      await errorsOf(
        files({
          segments: [
            { segmentId: "circle-a", condition: { segment: "circle-b" } },
            { segmentId: "circle-b", condition: { segment: "circle-a" } },
            { segmentId: "lost", condition: { segment: "nowhere" } },
            { segmentId: "lost", condition: inCountry("DE") },
          ],
        }),
      ),
    ).toMatchObject({ status: 400, errors: [{ field: "segments.3.segmentId" }] });
    expect(
      await errorsOf(
        files({
          segments: [
            { segmentId: "circle-a", condition: { segment: "circle-b" } },
            { segmentId: "circle-b", condition: { segment: "circle-a" } },
            { segmentId: "lost", condition: { segment: "nowhere" } },
          ],
        }),
      ),
    ).toMatchObject({
      status: 400,
      errors: [
        { field: "segments.0.condition", detail: expect.stringContaining("circle-a → circle-b → circle-a") },
        { field: "segments.1.condition" },
        { field: "segments.2.condition", detail: "lost: no such segment: nowhere" },
      ],
    });
    const content = files({ segments: [{ segmentId: "large", condition: inCountry("DE") }] });
    await apply(content);
    const twice = { operator: "or", conditions: [{ segment: "large" }, { segment: "large" }] };
    await post("/features", { featureId: "large-user", targeting: twice });
    const many = { operator: "or", conditions: Array.from({ length: 120 }, () => inCountry("DE")) };
    const grown = { ...content, segments: [{ segmentId: "large", file: "a.yaml", condition: many }] };
    expect(await errorsOf(grown)).toMatchObject({
      status: 400,
      errors: [
        { field: "segments.0.condition", detail: expect.stringContaining("large: feature large-user: ") },
      ],
    });
  });
});

test("a token of some tags changes no segment by a file that features of other tags use", async () => {
  const token = await post("/tokens", { name: "checkout segments", scope: "editor", tags: ["checkout"] });
  const own = { authorization: `Bearer ${String(token.json["secret"])}` };
  const content = files({ segments: [{ segmentId: "shared", condition: inCountry("DE") }] });
  await apply(content);
  await post("/features", { featureId: "shared-user", tags: ["search"], targeting: { segment: "shared" } });
  const edited = {
    ...content,
    segments: [{ segmentId: "shared", file: "a.yaml", condition: inCountry("AT") }],
  };
  expect(await post("/apply", applyOf(edited, await plan(edited)), own)).toMatchObject({
    status: 403,
    json: { reason: "tags", featureIds: ["shared-user"] },
  });
  expect(await get("/segments/shared")).toMatchObject({ condition: inCountry("DE") });
});

test("an export has the segments of a source, or those that only features with a tag use", async () => {
  const segments = [
    { segmentId: "out-alone", condition: inCountry("DE"), description: "one tag" },
    { segmentId: "out-shared", condition: inCountry("AT") },
  ];
  const content = files({
    segments,
    features: [
      {
        featureId: "out-a",
        tags: ["out"],
        targeting: { operator: "or", conditions: [{ segment: "out-alone" }, { segment: "out-shared" }] },
      },
      { featureId: "out-b", targeting: { segment: "out-shared" } },
    ],
  });
  await apply(content);
  const { source } = content;
  const exported = [
    {
      segmentId: "out-alone",
      source,
      file: "a.yaml",
      config: { condition: inCountry("DE"), description: "one tag" },
    },
    { segmentId: "out-shared", source, file: "a.yaml", config: { condition: inCountry("AT") } },
  ];
  expect((await get(`/export?source=${source}`))["segments"]).toEqual(exported);
  expect((await get("/export?tag=out"))["segments"]).toEqual(exported.slice(0, 1));
});
