// compose.yaml as podman-compose starts it: the image of the Dockerfile by roles, and images of this machine's own PostgreSQL,
// Redis, Prometheus and Alertmanager. Grafana and the collector are in no registry that a test can reach: they are left out.
import { execFile, execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { freePort } from "../../origin/db/free-port.ts";
import { programPath } from "../../scripts/system-programs.ts";
import { podman, podmanEnvironment } from "../support/images.ts";
import { jsonRequest, newUnit } from "../support/otlp-spans.ts";
import { sluiceImage } from "../support/sluice-image.ts";
import { makeStandInImages } from "../support/stand-in-images.ts";
import { eventually } from "../support/stack.ts";

const MINUTE_MS = 60_000;
const FEATURE = "feat_composed";
const ORIGINS = ["admin", "ingest", "fold", "evaluate"] as const;
const STARTED = [...ORIGINS, "postgres", "redis", "prometheus", "alertmanager"];

const repository = fileURLToPath(new URL("../..", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "sluice-compose-"));
const project = basename(folder).toLowerCase();
const ports = {
  ADMIN_PORT: await freePort(),
  INGEST_PORT: await freePort(),
  PROMETHEUS_PORT: await freePort(),
  ALERTMANAGER_PORT: await freePort(),
};
const at = (port: keyof typeof ports, path: string): string => `http://127.0.0.1:${ports[port]}${path}`;
const container = (service: string): string => `${project}_${service}_1`;
const secret = (name: string): Promise<string> =>
  readFile(join(folder, "deploy", "compose", "secrets", name), "utf8");
let images: Record<string, string> = {};

const compose = async (...args: readonly string[]): Promise<void> => {
  await promisify(execFile)(programPath("podman-compose", "npm test"), ["-p", project, ...args], {
    cwd: folder,
    env: await podmanEnvironment(),
    maxBuffer: 2 ** 26,
  });
};

const isReady = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );

beforeAll(async () => {
  const sluice = await sluiceImage();
  images = await makeStandInImages(`localhost/${project}`);
  for (const path of ["compose.yaml", ".env.example", "deploy"])
    await cp(join(repository, path), join(folder, path), {
      recursive: true,
      filter: (source) => basename(source) !== "secrets",
    });
  const example = await readFile(join(folder, ".env.example"), "utf8");
  const own = Object.entries({ ...images, ...ports, SLUICE_IMAGE: sluice });
  await writeFile(
    join(folder, ".env"),
    [example, ...own.map(([name, value]) => `${name}=${value}`)].join("\n"),
  );
  execFileSync("sh", ["deploy/compose/make-secrets.sh"], { cwd: folder });
  await compose("up", "--detach", ...STARTED);
  for (const port of ["ADMIN_PORT", "INGEST_PORT"] as const)
    await eventually(() => isReady(at(port, "/readyz")), MINUTE_MS);
}, 5 * MINUTE_MS);
afterAll(async () => {
  await compose("down", "--volumes");
  await podman("network", "rm", `${project}_default`);
  await podman("rmi", "--force", ...Object.values(images));
  await rm(folder, { recursive: true, force: true });
}, MINUTE_MS);

const admin = async (method: string, path: string, body: object): Promise<void> => {
  const answer = await fetch(at("ADMIN_PORT", `/admin/v1${path}`), {
    method,
    headers: { authorization: `Bearer ${await secret("admin-token")}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(answer.ok, await answer.text()).toBe(true);
};

const Samples = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});
/** What Prometheus has of the expression, by the label. */
const ask = async (query: string, label: string): Promise<Record<string, number>> => {
  const answer = await fetch(
    at("PROMETHEUS_PORT", `/api/v1/query?${new URLSearchParams({ query }).toString()}`),
  );
  const { result } = Samples.parse(await answer.json()).data;
  return Object.fromEntries(result.map(({ metric, value }) => [metric[label] ?? "", Number(value[1])]));
};

test("Prometheus scrapes every process of the origin", async () => {
  const all = Object.fromEntries(ORIGINS.map((service) => [`${service}:8080`, 1]));
  await eventually(async () => {
    const up = await ask('up{job="sluice"}', "instance");
    return Object.keys(all).every((instance) => up[instance] === 1);
  }, MINUTE_MS);
  expect(await ask('up{job="sluice"}', "instance")).toEqual(all);
});

test("telemetry that one process takes is counted by a second, and shown by a third", async () => {
  await admin("POST", "/features", { featureId: FEATURE, rolloutBps: 5_000 });
  await admin("PUT", `/features/${FEATURE}/rule`, {
    activationThreshold: 0.5,
    retentionThreshold: 0.4,
    latencyP95Threshold: 1_000,
    minCohortSize: 100,
    evaluationWindowSeconds: 3_600,
    activationWindowSeconds: 1,
    retentionWindowSeconds: 2,
    returnAfterSeconds: 1,
  });
  await admin("POST", `/features/${FEATURE}/enable`, { reason: "launch" });
  const spans = Array.from({ length: 20 }, () => ({
    feature: FEATURE,
    unit: newUnit(),
    variant: "treatment",
  }));
  const answer = await fetch(at("INGEST_PORT", "/v1/traces"), {
    method: "POST",
    headers: { authorization: `Bearer ${await secret("ingest-token")}`, "content-type": "application/json" },
    body: JSON.stringify(jsonRequest(spans)),
  });
  expect(answer.status).toBe(200);
  const size = `max by (cohort) (sluice_cohort_size{feature="${FEATURE}",cohort="treatment"})`;
  await eventually(async () => (await ask(size, "cohort"))["treatment"] === 20, MINUTE_MS);
});

test("a rollback becomes an alert at Alertmanager", async () => {
  await admin("POST", `/features/${FEATURE}/rollback`, { reason: "support says no" });
  const Alerts = z.array(z.object({ labels: z.record(z.string(), z.string()) }));
  await eventually(async () => {
    const alerts = Alerts.parse(await (await fetch(at("ALERTMANAGER_PORT", "/api/v2/alerts"))).json());
    return alerts.some(
      ({ labels }) => labels["alertname"] === "SluiceFeatureRolledBack" && labels["feature"] === FEATURE,
    );
  }, MINUTE_MS);
});

const Inspected = z.array(
  z.object({
    Name: z.string(),
    HostConfig: z.object({
      ReadonlyRootfs: z.boolean(),
      RestartPolicy: z.object({ Name: z.string() }),
      PortBindings: z.record(z.string(), z.array(z.object({ HostIp: z.string() })).nullable()),
    }),
    State: z.object({ Pid: z.number() }),
  }),
);

test("containers have no rights and nothing to write to, ports are this machine's alone, and no secret is in sight", async () => {
  const text = await podman("inspect", ...STARTED.map(container));
  const inspected = Inspected.parse(JSON.parse(text));
  expect(inspected.map(({ Name }) => Name)).toEqual(STARTED.map(container));
  for (const { Name, HostConfig, State } of inspected) {
    expect(HostConfig.ReadonlyRootfs, Name).toBe(true);
    expect(HostConfig.RestartPolicy.Name, Name).toBe("unless-stopped");
    for (const bindings of Object.values(HostConfig.PortBindings))
      for (const { HostIp } of bindings ?? []) expect(HostIp, Name).toBe("127.0.0.1");
    const status = await readFile(`/proc/${State.Pid}/status`, "utf8");
    expect(status, Name).toMatch(/^CapEff:\s+0+$/m);
    expect(status, Name).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status, Name).not.toMatch(/^Uid:\s+0\s/m);
  }
  for (const name of ["admin-token", "ingest-token", "postgres-password", "push-keys", "pseudonym-keys"])
    expect(text, name).not.toContain(await secret(name));
});

test("a process that dies is started again", async () => {
  const pidOf = async (): Promise<number> =>
    Number(await podman("inspect", "--format", "{{.State.Pid}}", container("evaluate")));
  const pid = await pidOf();
  process.kill(pid, "SIGKILL");
  await eventually(async () => ![0, pid].includes(await pidOf()), MINUTE_MS);
});
