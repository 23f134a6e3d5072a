// What the routes of every origin process say to a browser, and who may read the metrics.
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { makeHttpApp } from "../../../origin/runtime/http-app.ts";
import { makeMetrics, type Metrics } from "../../../origin/runtime/metrics.ts";
import { makeLogger } from "../../../origin/runtime/log.ts";

const makeApp = (
  options: {
    publicUrl?: string;
    metricsToken?: string;
    metrics?: Metrics;
    adminApi?: Parameters<typeof makeHttpApp>[0]["adminApi"];
  } = {},
) =>
  makeHttpApp({
    metrics: options.metrics ?? makeMetrics(),
    log: makeLogger("silent"),
    version: "1.2.3",
    instance: "an-instance-of-the-tests",
    publicUrl: options.publicUrl ?? "http://127.0.0.1:8080",
    metricsToken: options.metricsToken,
    notReady: async () => [],
    adminApi: options.adminApi,
    signIn: undefined,
  });

describe("every answer", () => {
  test.each(["/livez", "/readyz", "/metrics", "/admin/v1/features", "/nowhere", "/auth/nowhere"])(
    "of %s runs nothing in a browser and is in no frame",
    async (path) => {
      const { headers } = await makeApp().request(path);
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
    },
  );

  test("keeps browsers with https where people come by https, and there alone", async () => {
    const header = async (publicUrl: string) =>
      (await makeApp({ publicUrl }).request("/livez")).headers.get("strict-transport-security");
    expect(await header("https://sluice.example.com")).toBe("max-age=31536000");
    expect(await header("http://127.0.0.1:8080")).toBe(null);
  });
});

test("/livez names the version", async () => {
  expect(await (await makeApp().request("/livez")).text()).toBe("ok\nsluice 1.2.3\n");
});

describe("/metrics", () => {
  const statusOf = async (app: ReturnType<typeof makeApp>, authorization?: string) =>
    (await app.request("/metrics", authorization === undefined ? {} : { headers: { authorization } })).status;

  test("is everybody's without METRICS_TOKEN", async () => {
    expect(await statusOf(makeApp())).toBe(200);
  });

  test("with METRICS_TOKEN is for its holder alone, and says what is missing", async () => {
    const app = makeApp({ metricsToken: "of-prometheus" });
    expect(await statusOf(app, "Bearer of-prometheus")).toBe(200);
    for (const wrong of [undefined, "Bearer of-prometheu", "Bearer ", "Basic b2YtcHJvbWV0aGV1cw=="])
      expect(await statusOf(app, wrong)).toBe(401);
    const refused = await app.request("/metrics");
    expect(refused.headers.get("www-authenticate")).toBe('Bearer realm="sluice metrics"');
    expect(await refused.text()).toContain("METRICS_TOKEN");
    expect(await statusOf(app, "Bearer of-prometheus")).toBe(200);
    expect((await app.request("/livez")).status).toBe(200);
  });
});

test("requests to the admin API are counted by the kind of their answer, those too that fail for a fault of ours", async () => {
  const metrics = makeMetrics();
  const routes = new Hono()
    .get("/features", (context) => context.json([]))
    .get("/edges", () => {
      throw new Error("a fault of ours");
    });
  const app = makeApp({ metrics, adminApi: { routes, reference: new Hono() } });
  const counts = async () =>
    Object.fromEntries(
      (await metrics.adminRequestSeconds.get()).values
        .filter(({ metricName }) => metricName?.endsWith("_count"))
        .map(({ labels, value }) => [labels["status"], value]),
    );
  expect(await counts()).toEqual({ "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0 });
  for (const path of ["features", "features", "edges", "nowhere"]) await app.request(`/admin/v1/${path}`);
  await app.request("/livez");
  expect(await counts()).toEqual({ "2xx": 2, "3xx": 0, "4xx": 1, "5xx": 1 });
});
