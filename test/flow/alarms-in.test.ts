// An alert of a real Alertmanager closes a feature at a real edge.
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { startAlertmanager } from "../support/alertmanager.ts";
import { eventually, makeTestStack, type TestStack } from "../support/stack.ts";

const Hook = z.object({ secret: z.string() });
const Deliveries = z.object({
  deliveries: z.array(z.object({ alerts: z.array(z.object({ outcome: z.string() })) })),
});

let stack: TestStack;
let alertmanager: Awaited<ReturnType<typeof startAlertmanager>>;
beforeAll(async () => {
  stack = await makeTestStack();
  const hook = await stack.admin("POST", "/hooks", {
    name: "alertmanager",
    source: "alertmanager",
    mode: "enforce",
    allowedTags: ["checkout"],
  });
  alertmanager = await startAlertmanager({
    url: `${stack.origin.url}/admin/v1/hooks/alertmanager`,
    secret: Hook.parse(hook).secret,
  });
}, 120_000);
afterAll(async () => {
  await alertmanager?.stop();
  await stack?.stop();
});

const statusAtEdge = async (): Promise<number> => {
  const response = await fetch(`${stack.edge.url}/`, { headers: { "user-agent": "Mozilla/5.0" } });
  await response.body?.cancel();
  return response.status;
};
const outcomes = async (): Promise<string[]> => {
  const page = Deliveries.parse(await stack.admin("GET", "/hooks/alertmanager/deliveries"));
  return page.deliveries.flatMap(({ alerts }) => alerts.map(({ outcome }) => outcome));
};

test("Alertmanager fires: the feature is closed at the edge, repeats do nothing, and its end opens nothing", async () => {
  await stack.admin("POST", "/features", {
    featureId: "feat_checkout",
    enabled: true,
    rolloutBps: 10_000,
    tags: ["checkout"],
    routes: [{ path: "/" }],
    gate: { whenClosed: { action: "notFound" } },
  });
  await eventually(async () => (await statusAtEdge()) === 200);

  const alert = {
    labels: { alertname: "CheckoutErrors", sluice_feature: "feat_checkout" },
    annotations: { summary: "5 % of the orders fail" },
    startsAt: new Date().toISOString(),
  };
  await alertmanager.tell(alert);
  await eventually(async () => (await statusAtEdge()) === 404);
  expect(await stack.admin("GET", "/features/feat_checkout")).toMatchObject({
    enabled: false,
    rollbackReason: "CheckoutErrors (alert of alertmanager): 5 % of the orders fail",
  });

  await stack.admin("POST", "/features/feat_checkout/enable", {
    reason: "mended, and the alert still fires",
  });
  await eventually(async () => (await outcomes()).includes("repeated"));
  expect(await statusAtEdge()).toBe(200);

  await stack.admin("POST", "/features/feat_checkout/rollback", { reason: "by hand" });
  await alertmanager.tell({ ...alert, endsAt: new Date().toISOString() });
  await eventually(async () => (await outcomes()).includes("resolved"));
  await eventually(async () => (await statusAtEdge()) === 404);
}, 60_000);
