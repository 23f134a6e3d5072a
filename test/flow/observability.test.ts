// A real Prometheus scrapes a real run: every expression of the dashboards and alerts returns data, and an alert goes through a
// real Alertmanager with the routes that are delivered.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { dashboardFiles } from "../../scripts/dashboards/files.ts";
import { startAlertmanager } from "../support/alertmanager.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { jsonRequest, newUnit, type TestSpan } from "../support/otlp-spans.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { startRedis } from "../support/redis.ts";
import { eventually, makeTestStack, type TestStack } from "../support/stack.ts";

const fileOf = (path: string): string => fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url));

const Notice = z.object({
  receiver: z.string(),
  alerts: z.array(
    z.object({
      status: z.string(),
      labels: z.record(z.string(), z.string()),
      annotations: z.record(z.string(), z.string()),
    }),
  ),
});
type Notice = z.infer<typeof Notice>;

/** What Alertmanager sends, whoever the receiver is. */
const notices: Notice[] = [];
const receiver = createServer((request, response) => {
  let text = "";
  request.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  request.on("end", () => {
    notices.push(Notice.parse(JSON.parse(text)));
    response.end();
  });
});

const Span = z.object({
  name: z.string(),
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  attributes: z.array(
    z.object({ key: z.string(), value: z.looseObject({ stringValue: z.string().optional() }) }),
  ),
  links: z.array(z.object({ traceId: z.string() })).default([]),
});
const OtlpRequest = z.object({
  resourceSpans: z.array(z.object({ scopeSpans: z.array(z.object({ spans: z.array(Span) })) })),
});

/** The collector of Sluice's own traces, and what came to it. */
const traced: string[] = [];
const collector = createServer((request, response) => {
  let text = "";
  request.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  request.on("end", () => {
    expect(request.url).toBe("/v1/traces");
    traced.push(text);
    response.end("{}");
  });
});
const ownSpans = (): z.infer<typeof Span>[] =>
  traced.flatMap((text) =>
    OtlpRequest.parse(JSON.parse(text)).resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans),
    ),
  );

const listen = async (server: Server): Promise<string> => {
  const { url } = await listenOnLoopback(server);
  return url;
};

/** The delivered configuration, with a webhook in the place of each receiver's own address. */
const deliveredConfig = (webhook: string): string => {
  const config = z
    .looseObject({ route: z.unknown(), receivers: z.array(z.object({ name: z.string() })) })
    .parse(parse(readFileSync(fileOf("alertmanager/alertmanager.yml"), "utf8")));
  const receivers = config.receivers.map(({ name }) => ({ name, webhook_configs: [{ url: webhook }] }));
  return stringify({ ...config, receivers }).replaceAll("group_wait: 10s", "group_wait: 1s");
};

const Exprs = z.array(z.string());

/** Every PromQL expression in a dashboard, its variables replaced by what they would be. */
const expressionsOf = (dashboard: string): string[] => {
  const found: unknown[] = [];
  JSON.parse(dashboard, (key, value: unknown) => {
    if (key === "expr") found.push(value);
    return value;
  });
  return [...new Set(Exprs.parse(found))]
    .filter((expr) => !expr.startsWith("{"))
    .map((expr) =>
      expr.replaceAll("$feature", ".+").replaceAll("$__rate_interval", "30s").replaceAll("$__range", "5m"),
    );
};

let redis: Awaited<ReturnType<typeof startRedis>>;
let stack: TestStack;
let alertmanager: Awaited<ReturnType<typeof startAlertmanager>>;
let prometheus: Awaited<ReturnType<typeof startPrometheus>>;

beforeAll(async () => {
  const [receiverUrl, collectorUrl] = await Promise.all([listen(receiver), listen(collector)]);
  [redis, alertmanager] = await Promise.all([
    startRedis(),
    startAlertmanager({ config: deliveredConfig(receiverUrl) }),
  ]);
  stack = await makeTestStack({
    originEnv: {
      REDIS_URL: redis.url,
      EVALUATE_EVERY_MS: "200",
      RAW_SAMPLE_BPS: "10000",
      OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
    },
    edgeVars: { OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl },
  });
  prometheus = await startPrometheus({
    targets: [new URL(stack.origin.url).host],
    rules: fileOf("prometheus/sluice-alerts.yml"),
    alertmanager: alertmanager.address,
  });
  await runFeatures();
}, 150_000);
afterAll(async () => {
  await prometheus?.stop();
  await alertmanager?.stop();
  await stack?.stop();
  await redis?.stop();
  receiver.close();
  collector.close();
  collector.closeAllConnections();
});

const GOOD = "feat_observed_good";
const BAD = "feat_observed_bad";

const openFeature = async (featureId: string): Promise<void> => {
  await stack.admin("POST", "/features", {
    featureId,
    rolloutBps: 9_000,
    holdoutBps: 0,
    activation: { path: "/checkout", method: "POST" },
  });
  await stack.admin("PUT", `/features/${featureId}/rule`, {
    activationThreshold: 0.5,
    retentionThreshold: 0.4,
    latencyP95Threshold: 10_000,
    minCohortSize: 100,
    evaluationWindowSeconds: 3_600,
    activationWindowSeconds: 1,
    retentionWindowSeconds: 2,
    returnAfterSeconds: 1,
    mode: "enforce",
  });
  await stack.admin("POST", `/features/${featureId}/enable`, { reason: "launch" });
};

const sentTraces = new Set<string>();

const post = async (body: string): Promise<void> => {
  const answer = await fetch(`${stack.origin.url}/v1/traces`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${stack.secrets.ingestToken}`,
      "content-type": "application/json",
    },
    body,
  });
  expect(answer.status).toBe(200);
};

const send = async (spans: readonly TestSpan[]): Promise<void> => {
  const named = spans.map((span) => ({ ...span, traceId: randomBytes(16).toString("hex") }));
  for (const { traceId } of named) sentTraces.add(traceId);
  await post(JSON.stringify(jsonRequest(named)));
};

/** People act in one feature and not in the other, until that one is rolled back and the first one has a score. */
const runFeatures = async (): Promise<void> => {
  for (const featureId of [GOOD, BAD]) await openFeature(featureId);
  // One that can never count: it names no unit.
  await send([{ feature: GOOD }]);
  const visit = (feature: string, activated: boolean): TestSpan[] =>
    Array.from({ length: 100 }, () => ({
      feature,
      unit: newUnit(),
      variant: "treatment",
      activated,
      returned: activated,
    }));
  await eventually(async () => {
    await send([...visit(GOOD, true), ...visit(BAD, false)]);
    await new Promise((wake) => setTimeout(wake, 300));
    const metrics = await (await fetch(`${stack.origin.url}/metrics`)).text();
    const isScored = metrics.includes(`sluice_pmf_score{feature="${GOOD}"}`);
    return isScored && (await stack.admin("GET", `/features/${BAD}`))["enabled"] === false;
  }, 60_000);
};

describe.each([...dashboardFiles()])("the dashboard %s", (_name, text) => {
  test("asks for nothing that a real run does not have", async () => {
    const expressions = expressionsOf(text);
    expect(expressions.length).toBeGreaterThan(8);
    const empty: string[] = [];
    await eventually(async () => {
      empty.splice(0);
      for (const expr of expressions) if ((await prometheus.count(expr)) === 0) empty.push(expr);
      return empty.length === 0;
    }, 20_000).catch((error: unknown) => {
      throw new Error(`no data: ${empty.join("\n")}`, { cause: error });
    });
  });
});

test("each objective has its burn rate over each window", async () => {
  for (const window of ["5m", "30m", "1h", "6h", "3d"])
    await eventually(async () => (await prometheus.count(`sluice:burn_rate:${window}`)) === 5, 10_000);
});

test("a rollback is told through Prometheus and Alertmanager to the receiver of news, with the way to its runbook", async () => {
  const told = () =>
    notices.flatMap(({ receiver: name, alerts }) => alerts.map((alert) => ({ name, ...alert })));
  await eventually(async () => told().some(({ labels }) => labels["feature"] === BAD), 30_000);
  const rolledBack = told().find(({ labels }) => labels["alertname"] === "SluiceFeatureRolledBack");
  expect(rolledBack).toMatchObject({
    name: "info",
    status: "firing",
    labels: { feature: BAD, severity: "info" },
    annotations: {
      summary: `${BAD} was rolled back`,
      runbook_url: "docs/operations/runbook.md#sluicefeaturerolledback",
    },
  });
  expect(told().filter(({ name }) => name === "page")).toEqual([]);
});

describe("Sluice's own traces", () => {
  const WAY = [
    "sluice.evaluation",
    "sluice.decision",
    "sluice.commit",
    "sluice.push",
    "sluice.edge.apply",
    "sluice.edge.confirm",
  ];
  const traceOfRollback = () => {
    const all = ownSpans();
    const commit = all.find(
      ({ name, attributes }) =>
        name === "sluice.commit" && attributes.some(({ value }) => value.stringValue === `rollback ${BAD}`),
    );
    return all.filter(({ traceId }) => traceId === commit?.traceId);
  };

  test("show the whole way of a rollback, from the spans that it is about to each region of the edge", async () => {
    const names = () => new Set(traceOfRollback().map(({ name }) => name));
    await eventually(async () => WAY.every((name) => names().has(name)), 20_000).catch((error: unknown) => {
      throw new Error(`only ${[...names()].join(", ")}`, { cause: error });
    });
    const trace = traceOfRollback();
    const idsOf = (name: string) => trace.filter((span) => span.name === name).map(({ spanId }) => spanId);
    for (const [at, name] of WAY.entries()) {
      const before = WAY[at - 1];
      for (const { parentSpanId = "" } of trace.filter((span) => span.name === name))
        if (before === undefined) expect(parentSpanId).toBe("");
        else expect(idsOf(before), name).toContain(parentSpanId);
    }
    const evaluation = trace.find(({ name }) => name === "sluice.evaluation");
    expect(evaluation?.links.length).toBeGreaterThan(0);
    expect(evaluation?.links.every(({ traceId }) => sentTraces.has(traceId))).toBe(true);
  });

  test("are never evidence, also where they are sent to Sluice itself", async () => {
    const counted = async (): Promise<Record<string, number>> => {
      const text = await (await fetch(`${stack.origin.url}/metrics`)).text();
      return Object.fromEntries(
        ["accepted", "rejected", "ignored"].map((result) => [
          result,
          Number(
            new RegExp(`^sluice_ingest_spans_total\\{result="${result}"\\} (.+)$`, "m").exec(text)?.[1] ?? 0,
          ),
        ]),
      );
    };
    const before = await counted();
    const bodies = [...traced];
    const spans = bodies.flatMap((text) =>
      OtlpRequest.parse(JSON.parse(text)).resourceSpans.flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap((scope) => scope.spans),
      ),
    );
    for (const body of bodies) await post(body);
    const after = await counted();
    expect(spans.length).toBeGreaterThan(WAY.length);
    expect(after).toEqual({ ...before, ignored: (before["ignored"] ?? 0) + spans.length });
  });
});
