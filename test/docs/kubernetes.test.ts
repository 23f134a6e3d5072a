// The manifests of deploy/kubernetes as kubectl renders them: what they name exists, and the origin takes what they set.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { parseConfig } from "../../origin/config.ts";
import { programPath } from "../../scripts/system-programs.ts";
import { root } from "./repository.ts";

const Labels = z.record(z.string(), z.string());
const Metadata = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  labels: Labels.optional(),
});
const Probe = z.object({
  httpGet: z.object({ path: z.string(), port: z.string() }),
  periodSeconds: z.number(),
  timeoutSeconds: z.number().optional(),
  failureThreshold: z.number().optional(),
});
const Container = z.strictObject({
  name: z.string(),
  image: z.string(),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  envFrom: z.array(
    z.record(z.enum(["configMapRef", "secretRef"]), z.object({ name: z.string() }).optional()),
  ),
  startupProbe: Probe,
  readinessProbe: Probe,
  livenessProbe: Probe,
  resources: z.object({ requests: Labels, limits: Labels }),
  securityContext: z.object({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.object({ drop: z.tuple([z.literal("ALL")]) }),
  }),
});
const Deployment = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({
    replicas: z.number().min(2),
    selector: z.object({ matchLabels: Labels }),
    template: z.object({
      metadata: z.object({ labels: Labels }),
      spec: z.looseObject({
        serviceAccountName: z.string(),
        automountServiceAccountToken: z.literal(false),
        securityContext: z.looseObject({ runAsNonRoot: z.literal(true), runAsUser: z.literal(65_532) }),
        topologySpreadConstraints: z.array(
          z.looseObject({ labelSelector: z.object({ matchLabels: Labels }) }),
        ),
        containers: z.tuple([Container]),
      }),
    }),
  }),
});
const Anything = z.looseObject({ kind: z.string(), metadata: Metadata });

const render = (folder: string): z.infer<typeof Anything>[] => {
  const path = join(root, "deploy", "kubernetes", folder);
  const text = execFileSync(programPath("kubectl", "npm test"), ["kustomize", path], { encoding: "utf8" });
  return z.array(Anything).parse(parseAllDocuments(text).map((document) => document.toJS() as unknown));
};

const base = render("base");
const of = (kind: string, from = base) => from.filter((one) => one.kind === kind);
const deploymentsOf = (from = base) => z.array(Deployment).parse(of("Deployment", from));
const settingsOf = (from = base): Record<string, string> =>
  z.object({ data: Labels }).parse(of("ConfigMap", from)[0]).data;
const pods = deploymentsOf().map(({ spec }) => spec.template.metadata.labels);
const selects = (selector: Record<string, string>) =>
  pods.filter((labels) => Object.entries(selector).every(([name, value]) => labels[name] === value)).length;

/** What the secret `sluice` has to have, as docs/operations/install.md says. */
const secrets = {
  DATABASE_URL: "postgres://sluice:secret@database/sluice?sslmode=verify-full",
  REDIS_URL: "rediss://redis",
  ADMIN_TOKEN: "admin-token-of-the-tests",
  INGEST_TOKEN: "ingest-token-of-the-tests",
  PUSH_KEYS: "k1:push-secret-of-the-tests-0123456789abcdefghijklm",
  SESSION_KEYS: "k1:session-secret-of-the-tests-0123456789abcdefghij",
};

describe.each(["base", "overlays/example"])("%s", (folder) => {
  const rendered = render(folder);

  test("each role runs in one Deployment, with two processes or more", () => {
    const roles = deploymentsOf(rendered).flatMap(({ spec }) =>
      (spec.template.spec.containers[0].env.find(({ name }) => name === "ROLES")?.value ?? "").split(","),
    );
    expect(roles.toSorted()).toEqual(["admin", "evaluate", "fold", "ingest", "push"]);
  });

  test("the origin takes the environment of every container", () => {
    for (const { spec } of deploymentsOf(rendered)) {
      const [{ env, envFrom, ports }] = spec.template.spec.containers;
      expect(envFrom).toEqual([{ configMapRef: { name: "sluice" } }, { secretRef: { name: "sluice" } }]);
      const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
      const config = parseConfig({ ...settingsOf(rendered), ...secrets, ...own });
      expect(config).toMatchObject({ ok: true });
      if (config.ok) expect(ports[0]?.containerPort).toBe(config.value.ORIGIN_PORT);
    }
  });

  test("no secret stands in it", () => {
    expect(of("Secret", rendered)).toEqual([]);
    for (const name of Object.keys(secrets)) expect(JSON.stringify(rendered)).not.toContain(name);
  });
});

test("pods have no rights, and a service account that is there and has none", () => {
  const [account] = of("ServiceAccount");
  expect(account).toMatchObject({ automountServiceAccountToken: false });
  for (const { spec } of deploymentsOf())
    expect(spec.template.spec.serviceAccountName).toBe(account?.metadata.name);
  expect(base.filter(({ kind }) => /Role|Binding/.test(kind))).toEqual([]);
});

test("processes live by /livez and are asked when /readyz says so", () => {
  for (const { spec } of deploymentsOf()) {
    const [{ ports, ...probes }] = spec.template.spec.containers;
    expect(probes.livenessProbe.httpGet).toEqual({ path: "/livez", port: ports[0]?.name });
    for (const probe of [probes.readinessProbe, probes.startupProbe])
      expect(probe.httpGet).toEqual({ path: "/readyz", port: ports[0]?.name });
  }
});

test("every selector finds the pods of one Deployment, and every scaler its Deployment", () => {
  const Selecting = z.looseObject({ spec: z.looseObject({ selector: z.unknown() }) });
  for (const one of [...of("PodDisruptionBudget"), ...of("Deployment")]) {
    const { selector } = Selecting.parse(one).spec;
    expect(selects(z.object({ matchLabels: Labels }).parse(selector).matchLabels), one.metadata.name).toBe(1);
  }
  for (const one of of("Service"))
    expect(selects(Labels.parse(Selecting.parse(one).spec.selector)), one.metadata.name).toBe(1);
  for (const { spec } of deploymentsOf())
    for (const { labelSelector } of spec.template.spec.topologySpreadConstraints)
      expect(selects(labelSelector.matchLabels)).toBe(1);
  const names = deploymentsOf().map(({ metadata }) => metadata.name);
  expect(of("PodDisruptionBudget").map(({ metadata }) => metadata.name)).toEqual(names);
  const Scaler = z.looseObject({
    spec: z.looseObject({ scaleTargetRef: z.looseObject({ name: z.string() }) }),
  });
  for (const scaler of of("HorizontalPodAutoscaler"))
    expect(names).toContain(Scaler.parse(scaler).spec.scaleTargetRef.name);
});

test("the example names one image and one namespace for everything", () => {
  const rendered = render("overlays/example");
  for (const { spec } of deploymentsOf(rendered))
    expect(spec.template.spec.containers[0].image).toBe("registry.example.com/sluice:0.1.0");
  expect(rendered.filter(({ metadata }) => metadata.namespace !== "sluice")).toEqual([]);
});
