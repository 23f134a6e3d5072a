// What `sluice doctor` finds in an installation in which much is wrong, each fault beside the others.
import { createServer, type RequestListener, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { accessChecks, secretFindings } from "../../origin/access/access-health.ts";
import { edgeChecks } from "../../origin/delivery/edges/edge-health.ts";
import { evaluationChecks } from "../../origin/evaluate/evaluation-health.ts";
import { runHealthChecks, type Finding } from "../../origin/runtime/health.ts";
import { runCli } from "../support/cli.ts";
import { makeTestDatabase } from "../support/database.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { ADMIN_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";

const servers: Server[] = [];
const answering = async (handle: RequestListener): Promise<string> => {
  const server = createServer(handle);
  servers.push(server);
  return (await listenOnLoopback(server)).url;
};
const json =
  (status: number, body: object, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    void response
      .writeHead(status, { "content-type": "application/json", ...headers })
      .end(JSON.stringify(body));

const HEALTH = { revision: 0, ageMs: 0, source: "memory", features: 0 };
const ago = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toUTCString();
const LATE = { ...HEALTH, telemetry: { sent: 1, refused: 9, dropped: 0, waiting: 0 } };

const edges = {
  misconfigured: await answering(json(503, { title: "x", detail: "COOKIE_KEYS must be set" })),
  website: await answering((_, response) =>
    response.writeHead(200, { "content-type": "text/html" }).end("<p>shop"),
  ),
  otherKeys: await answering((request, response) =>
    request.url === "/.sluice/health"
      ? json(200, HEALTH)(request, response)
      : json(401, { title: "Unauthorized", detail: "unknown kid" })(request, response),
  ),
  late: await answering((request, response) => json(200, LATE, { date: ago(500) })(request, response)),
  silent: await answering(() => {}),
  absent: "http://127.0.0.1:1",
};

const Report = z.object({
  status: z.string(),
  findings: z.array(
    z.object({
      check: z.string(),
      status: z.string(),
      subject: z.string().optional(),
      summary: z.string(),
      todo: z.string().optional(),
    }),
  ),
});

const database = await makeTestDatabase();
let origin: OriginUnderTest;
let report: z.infer<typeof Report>;
let code: number;
beforeAll(async () => {
  origin = await startOrigin({
    DATABASE_URL: database.url,
    EDGE_URLS: Object.values(edges).join(","),
    PUSH_KEYS: "k1:push-secret-of-the-doctor-0123456789abcdefghijklmnop",
    REDIS_URL: "redis://127.0.0.1:1",
    INGEST_TOKEN: "letmeinn",
  });
  await origin.admin("POST", "/features", { featureId: "feat_alone", enabled: true, rolloutBps: 500 });
  await origin.admin("POST", "/features", { featureId: "feat_unmet", enabled: true, rolloutBps: 500 });
  await origin.admin("PUT", "/features/feat_unmet/rule", {
    activationThreshold: 0.2,
    retentionThreshold: 0.3,
    latencyP95Threshold: 500,
    minCohortSize: 1_000,
    evaluationWindowSeconds: 3_600,
  });
  await database.pool.query(
    `insert into telemetry_regions (region, seen_at, usual_gap_s, dropped_spans)
     values ('enam', now(), 2, 0), ('weur', now() - interval '2 hours', 2, 41)`,
  );
  await database.pool.query(
    `insert into outcome_counts (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
     values ('feat_unmet', 1, 'treatment', 'exposure', 0, extract(epoch from now())::bigint, 900)`,
  );
  const done = await runCli(["doctor", "--json"], { SLUICE_URL: origin.url, SLUICE_TOKEN: ADMIN_TOKEN });
  report = Report.parse(JSON.parse(done.out));
  code = done.code;
}, 60_000);
afterAll(async () => {
  await origin.end("SIGTERM");
  await database.drop();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

const find = (check: string, subject: string, text: RegExp) =>
  report.findings.find(
    (finding) => finding.check === check && (finding.subject ?? "") === subject && text.test(finding.summary),
  );

test("what fails makes the exit code 1", () => {
  expect(report.status).toBe("failing");
  expect(code).toBe(1);
});

test.each([
  ["edges", edges.misconfigured, /does not gate: COOKIE_KEYS must be set/, "failing", /wrangler secret put/],
  ["edges", edges.website, /not as an edge does/, "failing", /is deployed on this address/],
  ["edges", edges.otherKeys, /refuses pushes: HTTP 401: unknown kid/, "failing", /the same PUSH_KEYS/],
  ["edges", edges.late, /has no features|has revision/, "failing", /./],
  ["edges", edges.late, /clock is (49\d|50\d) s from/, "failing", /time server/],
  ["edges", edges.late, /9 were refused/, "warning", /INGEST_TOKEN/],
  ["edges", edges.silent, /cannot be reached: .*timeout/i, "failing", /EDGE_URLS/],
  ["edges", edges.absent, /cannot be reached: .*(ECONNREFUSED|bad port)/, "failing", /EDGE_URLS/],
  ["redis", "", /Redis does not answer/, "warning", /REDIS_URL/],
  ["telemetry", "weur", /2 h ago, and 41 spans were dropped/, "warning", /ORIGIN_URL/],
  ["features", "feat_alone", /no rule judges it/, "warning", /shadow/],
  [
    "features",
    "feat_unmet",
    /900 units met it in a day, and none has activated/,
    "warning",
    /activation route/,
  ],
  ["rules", "feat_unmet", /./, "warning", /sluice why feat_unmet/],
  ["secrets", "INGEST_TOKEN", /8 characters that can be guessed/, "warning", /openssl rand/],
  ["tokens", "ADMIN_TOKEN", /made 3 changes in a week/, "warning", /tokens create/],
])("%s %s: %s", (check, subject, summary, status, todo) => {
  expect(find(check, subject, summary), JSON.stringify(report.findings, null, 1)).toMatchObject({
    status,
    todo: expect.stringMatching(todo),
  });
});

test("what is well is told beside it", () => {
  expect(find("version", "", /^origin 0\.1\.0 on Node v\d+.*, this CLI 0\.1\.0$/)?.status).toBe("ok");
  expect(find("database", "", /^PostgreSQL 17.* takes writes and has every migration$/)?.status).toBe("ok");
  expect(find("clock", "database", /./)?.status).toBe("ok");
  expect(find("clock", "this machine", /./)?.status).toBe("ok");
  expect(find("telemetry", "enam", /./)?.status).toBe("ok");
  expect(find("listener", "", /^one process hears of changes as they are committed$/)?.status).toBe("ok");
  expect(find("evaluator", "", /^features were evaluated .* ago$/)?.status).toBe("ok");
});

test("no secret is in what it says", () => {
  const text = JSON.stringify(report);
  for (const secret of ["letmeinn", ADMIN_TOKEN, "push-secret"]) expect(text).not.toContain(secret);
});

describe("of an origin that cannot be asked", () => {
  test("that nobody answers is one line and exit code 1", async () => {
    const { code: exit, error } = await runCli(["doctor"], { SLUICE_URL: "http://127.0.0.1:1" });
    expect(exit).toBe(1);
    expect(error).toMatch(/^sluice: no origin answers at http:\/\/127\.0\.0\.1:1\. Start it/);
  });

  test("a token that is not known is a finding and exit code 2", async () => {
    const done = await runCli(["doctor"], { SLUICE_URL: origin.url, SLUICE_TOKEN: "sluice_nobody" });
    expect(done.code).toBe(2);
    expect(done.out).toMatch(/^failing {2}token: .*does not know the token in SLUICE_TOKEN/);
    expect(done.out).toContain("→ make one with `npx sluice tokens create");
  });
});

test("metrics that everybody may read are a warning where others than this machine reach the origin", async () => {
  const subjects = async (isReachable: boolean, secrets: Record<string, string[]>) => {
    const checks = accessChecks({ pool: database.pool, secrets, isReachable });
    const { findings } = await runHealthChecks(checks.filter(({ id }) => id === "secrets"));
    return findings.map(({ status, subject }) => `${status} ${subject ?? ""}`.trim());
  };
  expect(await subjects(true, { METRICS_TOKEN: [] })).toEqual(["warning METRICS_TOKEN"]);
  expect(await subjects(false, { METRICS_TOKEN: [] })).toEqual(["ok"]);
  expect(
    await subjects(true, { METRICS_TOKEN: ["Qm9yaW5nLW1ldHJpY3MtdG9rZW4tMDEyMzQ1Njc4OWFiYw=="] }),
  ).toEqual(["ok"]);
});

test("the rules of all open features are asked for in two statements, however many there are", async () => {
  const { pool } = database;
  const ask = async (): Promise<{ subjects: (string | undefined)[]; statements: number }> => {
    const query = vi.spyOn(pool, "query");
    const checks = evaluationChecks({ pool, nowMs: Date.now, rawKeepDays: 1 });
    const { findings } = await runHealthChecks(checks.filter(({ id }) => id === "rules"));
    const statements = query.mock.calls.length;
    query.mockRestore();
    return { subjects: findings.map(({ subject }) => subject), statements };
  };
  expect(new Set((await ask()).subjects)).toEqual(new Set(["feat_unmet"]));
  await pool.query(
    `with made as (
       insert into feature_flags select (jsonb_populate_record(f, jsonb_build_object('feature_id', f.feature_id || n))).*
       from feature_flags f, generate_series(1, 5) n where f.feature_id = 'feat_unmet' returning feature_id
     )
     insert into pmf_rules select (jsonb_populate_record(r, jsonb_build_object('feature_id', made.feature_id))).*
     from pmf_rules r, made where r.feature_id = 'feat_unmet'`,
  );
  const { subjects, statements } = await ask();
  expect(new Set(subjects).size).toBe(6);
  expect(statements).toBe(2);
});

test("that nobody evaluates and nobody listens is told from the database, once the last process has ended", async () => {
  const { pool } = database;
  const found = async () => {
    const { findings } = await runHealthChecks(
      [
        ...evaluationChecks({ pool, nowMs: Date.now, rawKeepDays: 1 }),
        ...edgeChecks({
          pool,
          configured: [],
          send: undefined,
          readHead: () => Promise.reject(new Error("nothing is pushed here")),
          nowMs: Date.now,
        }),
      ].filter(({ id }) => id === "evaluator" || id === "listener"),
    );
    return findings;
  };
  expect((await found()).map(({ status }) => status)).toEqual(["ok", "ok"]);
  await origin.end("SIGTERM");
  await pool.query(
    `with looked as (update pmf_looks set looked_at = now() - interval '5 minutes'),
       ruled as (update pmf_rules set updated_at = now() - interval '1 hour')
     update feature_flags set epoch_started_at = now() - interval '1 hour'`,
  );
  expect(await found()).toMatchObject([
    {
      check: "evaluator",
      status: "failing",
      summary: "no feature was evaluated for 5 min",
      todo: expect.stringContaining("the role evaluate"),
    },
    { check: "listener", status: "failing", todo: expect.stringContaining("the role push") },
  ]);
});

describe("checks", () => {
  const ok: Finding = { status: "ok", summary: "fine" };

  test("one that throws and one that hangs leave the others as they are", async () => {
    const { status, findings } = await runHealthChecks(
      [
        { id: "good", run: async () => [ok] },
        { id: "thrown", run: () => Promise.reject(new Error("no route")) },
        { id: "hung", run: () => new Promise(() => {}) },
      ],
      50,
    );
    expect(status).toBe("unknown");
    expect(findings).toEqual([
      { check: "good", ...ok },
      { check: "thrown", status: "unknown", summary: "could not be checked: no route" },
      { check: "hung", status: "unknown", summary: "could not be checked within 0.05 s" },
    ]);
  });

  test("of a thousand findings the worst are shown, and the rest is counted", async () => {
    const many = Array.from({ length: 1_000 }, (_, at): Finding =>
      at === 999 ? { status: "failing", summary: "this" } : ok,
    );
    const { status, findings } = await runHealthChecks([{ id: "many", run: async () => many }]);
    expect(status).toBe("failing");
    expect(findings[0]).toMatchObject({ status: "failing", summary: "this" });
    expect(findings.at(-1)).toMatchObject({ status: "ok", summary: "980 more findings are not shown" });
  });

  test("a secret that two variables share is failing, and one key of a keyboard can be guessed", () => {
    const strong = "kX3vQ9wZ7rT1yU5iO2pA8sD4fG6hJ0lB";
    expect(
      secretFindings({ ADMIN_TOKEN: [strong], PUSH_KEYS: [strong], INGEST_TOKEN: ["a".repeat(40)] }),
    ).toMatchObject([
      {
        subject: "PUSH_KEYS",
        status: "failing",
        summary: expect.stringContaining("the secret of ADMIN_TOKEN"),
      },
      { subject: "INGEST_TOKEN", status: "warning" },
    ]);
    expect(secretFindings({ ADMIN_TOKEN: [strong] })).toEqual([]);
  });
});
