// The manifests of deploy/kubernetes as kubectl renders them: what they name exists, and the origin takes what they set.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { parseConfig } from "../../origin/environment/parse-config.ts";
import { prometheusRule } from "../../scripts/kubernetes/prometheus-rule.ts";
import { renderManifests as render, type Manifest } from "../support/manifests.ts";
import { readFile, root } from "./repository.ts";

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
    replicas: z.number().min(1),
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
  ADMIN_TOKEN: "admin-token-of-the-tests-0123456789abcdefghijklm",
  INGEST_TOKEN: "ingest-token-of-the-tests-0123456789abcdefghijkl",
  PUSH_KEYS: "k1:push-secret-of-the-tests-0123456789abcdefghijklm",
  SESSION_KEYS: "k1:session-secret-of-the-tests-0123456789abcdefghij",
};

const MODELS: Readonly<Record<string, string>> = {
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator/monitoring.coreos.com",
};
/** Where the model of a manifest is: `kubernetes-models/apps/v1`. */
const modelsOf = (apiVersion: string): string => {
  const [group = "", version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return [
    MODELS[group] ?? ["kubernetes-models", group].filter((part) => part !== "").join("/"),
    version,
  ].join("/");
};

type Model = new (manifest: Manifest) => { validate: () => void };

/** What the schema of Kubernetes or the Prometheus operator says against it. It takes fields that it does not know. */
const errorsOf = async (manifest: Manifest): Promise<string[]> => {
  const models: Record<string, Model> = await import(`${modelsOf(manifest.apiVersion)}/${manifest.kind}`);
  const Known = models[manifest.kind];
  if (Known === undefined) return [`${manifest.apiVersion} has no ${manifest.kind}`];
  try {
    new Known(manifest).validate();
    return [];
  } catch (error) {
    return [`${manifest.kind} ${manifest.metadata.name}: ${String(error)}`];
  }
};

/** What TypeScript says against the manifests as values of the models' types: in a literal it takes no field that it does not know. */
const unknownFields = (manifests: readonly Manifest[]): string => {
  const cache = join(root, "node_modules", ".cache", "manifests");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "run-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const lines = manifests.map((manifest, at) => {
    const type = `import("${modelsOf(manifest.apiVersion)}/${manifest.kind}").I${manifest.kind}`;
    return `export const m${at}: ${type} = ${JSON.stringify(manifest)};`;
  });
  writeFileSync(join(folder, "manifests.ts"), lines.join("\n"));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const options = ["--ignoreConfig", "--noEmit", "--strict", "--skipLibCheck", "--types", ""];
  const modules = ["--module", "preserve", "--moduleResolution", "bundler"];
  try {
    execFileSync(process.execPath, [tsc, ...options, ...modules, "manifests.ts"], {
      cwd: folder,
      encoding: "utf8",
    });
    return "";
  } catch (error) {
    return error instanceof Error && "stdout" in error ? String(error.stdout) : String(error);
  }
};

test("a field that does not exist or has a wrong value is found", async () => {
  const [account = {} as Manifest] = of("ServiceAccount");
  expect(unknownFields([{ ...account, autoMountServiceAccountToken: false }])).toContain(
    "'\"autoMountServiceAccountToken\"' does not exist",
  );
  const [budget = {} as Manifest] = of("PodDisruptionBudget");
  await expect(errorsOf({ ...budget, spec: { maxUnavailable: true } })).resolves.toHaveLength(1);
});

describe.each(["base", "overlays/production", "overlays/small"])("%s", (folder) => {
  const rendered = render(folder);

  test("each role runs in one Deployment", () => {
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

  test("the cluster takes it: no field is wrong, and none is unknown", async () => {
    for (const manifest of rendered) await expect(errorsOf(manifest)).resolves.toEqual([]);
    expect(unknownFields(rendered)).toBe("");
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

test.each(["overlays/production", "overlays/small"])(
  "%s names one image and one namespace for everything",
  (overlay) => {
    const rendered = render(overlay);
    const images = [...JSON.stringify(rendered).matchAll(/"image":"([^"]+)"/g)].map(([, image]) => image);
    expect(new Set(images)).toEqual(new Set(["registry.example.com/sluice:0.1.0"]));
    expect(rendered.filter(({ metadata }) => metadata.namespace !== "sluice")).toEqual([]);
  },
);

test("several processes run where there are several roles' Deployments, and one where it has all roles", () => {
  expect(deploymentsOf().map(({ spec }) => spec.replicas)).toEqual([2, 2, 2, 2]);
  const small = render("overlays/small");
  expect(deploymentsOf(small).map(({ spec }) => spec.replicas)).toEqual([1]);
  const services = z
    .array(z.looseObject({ spec: z.looseObject({ selector: Labels }) }))
    .parse(of("Service", small));
  const [labels = {}] = deploymentsOf(small).map(({ spec }) => spec.template.metadata.labels);
  expect(services.map(({ spec }) => spec.selector)).toEqual(
    services.map(() => expect.objectContaining(labels)),
  );
});

test("the PrometheusRule has the alerts of deploy/prometheus, and every process is scraped under the name that they ask for", () => {
  expect(readFile("deploy/kubernetes/overlays/production/alerts.yaml")).toBe(
    prometheusRule(readFile("deploy/prometheus/sluice-alerts.yml")),
  );
  const rendered = render("overlays/production");
  const [monitor] = z
    .array(
      z.looseObject({
        spec: z.looseObject({ jobLabel: z.string(), selector: z.object({ matchLabels: Labels }) }),
      }),
    )
    .parse(of("ServiceMonitor", rendered));
  const chosen = z
    .array(z.looseObject({ metadata: Metadata, spec: z.looseObject({ selector: Labels }) }))
    .parse(of("Service", rendered))
    .filter(({ metadata }) =>
      Object.entries(monitor?.spec.selector.matchLabels ?? {}).every(
        ([name, value]) => metadata.labels?.[name] === value,
      ),
    );
  expect(chosen).toHaveLength(1);
  expect(chosen[0]?.metadata.labels?.[monitor?.spec.jobLabel ?? ""]).toBe("sluice");
  expect(selects(chosen[0]?.spec.selector ?? {})).toBe(pods.length);
});

test("the Job alone migrates, by a login of its own in production, and the others wait for it", () => {
  const Job = z.looseObject({
    spec: z
      .object({
        template: z
          .object({
            spec: z
              .object({
                containers: z.tuple([
                  z.looseObject({
                    env: z.array(z.looseObject({ name: z.string(), value: z.string() })),
                    envFrom: z.array(z.unknown()),
                  }),
                ]),
              })
              .loose(),
          })
          .loose(),
      })
      .loose(),
  });
  for (const rendered of [base, render("overlays/production")]) {
    const [job] = z.array(Job).parse(of("Job", rendered));
    expect(job?.spec.template.spec.containers[0].env).toEqual([{ name: "MIGRATE", value: "only" }]);
    expect(settingsOf(rendered)["MIGRATE"]).toBe("wait");
  }
  const [job] = z.array(Job).parse(of("Job", render("overlays/production")));
  expect(job?.spec.template.spec.containers[0].envFrom.at(-1)).toEqual({
    secretRef: { name: "sluice-owner" },
  });
});
