// How the demo ends early, and what it leaves alone. test/flow/readme.test.ts and test/flow/package.test.ts play it to its end.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { expect, onTestFinished, test, vi } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { startRedis } from "../support/redis.ts";
import { makeTestStack } from "../support/stack.ts";

const DEMO_TIMEOUT_MS = 180_000;
const FEATURES = ["feat_smart_recs_v1", "feat_express_checkout"] as const;

const startDemo = (env: Readonly<Record<string, string>>) => {
  const demo = spawn(process.execPath, [fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url))], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [demo.stdout, demo.stderr])
    stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const exit = once(demo, "exit");
  return {
    said: () => said,
    says: (text: string) =>
      vi.waitFor(() => expect(said).toContain(text), { timeout: 90_000, interval: 100 }),
    /** As a Ctrl-C does under npm: the terminal interrupts the demo, and so does npm. */
    interrupt: async () => {
      demo.kill("SIGINT");
      await sleep(100);
      demo.kill("SIGINT");
    },
    exitCode: async (): Promise<unknown> => (await exit)[0],
  };
};

/** A Redis of its own, and what is published there. */
const listenToRedis = async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const client = new Redis(redis.url);
  const listener = client.duplicate();
  onTestFinished(() => {
    client.disconnect();
    listener.disconnect();
  });
  const events: { featureId: string; reason: string; revision: number }[] = [];
  await listener.subscribe("feature_rollbacks");
  listener.on("message", (_, message) => events.push(JSON.parse(message)));
  return {
    url: redis.url,
    client,
    reasons: (featureId: string) =>
      events.filter((event) => event.featureId === featureId).map(({ reason }) => reason),
  };
};

test(
  "a demo that is interrupted closes its features and ends with 130",
  { timeout: DEMO_TIMEOUT_MS },
  async () => {
    const { url, client, reasons } = await listenToRedis();
    const demo = startDemo({ REDIS_URL: url, EDGE_PORT: String(await freePort()) });
    await demo.says("visitors a second come through");
    for (const featureId of FEATURES) expect(await client.get(`feature:state:${featureId}`)).toBe("ENABLED");

    await demo.interrupt();
    expect(await demo.exitCode(), demo.said()).toBe(130);
    for (const featureId of FEATURES) {
      expect(reasons(featureId).at(-1)).toBe("the demo is over");
      expect(await client.get(`feature:state:${featureId}`)).toBe("DISABLED");
    }
  },
);

test(
  "beside a Sluice that serves a site of one's own the demo starts its own stack and sends that site no visitors",
  { timeout: DEMO_TIMEOUT_MS },
  async () => {
    const paths: string[] = [];
    const site = createServer((request, response) => {
      paths.push(request.url ?? "");
      response.end("a site");
    });
    const { url: upstream } = await listenOnLoopback(site);
    onTestFinished(() => void site.close());
    const stack = await makeTestStack({ edgeVars: { UPSTREAM_URL: upstream } });
    onTestFinished(() => stack.stop());

    const demo = startDemo({
      EDGE_PORT: new URL(stack.edge.url).port,
      ORIGIN_PORT: new URL(stack.origin.url).port,
      ADMIN_TOKEN: stack.secrets.adminToken,
      UPSTREAM_URL: upstream,
    });
    await demo.says("visitors a second come through");
    await demo.interrupt();
    expect(await demo.exitCode(), demo.said()).toBe(130);
    expect(demo.said()).toContain("serves a site of your own");
    expect(paths).toEqual(["/icon.svg"]);
    expect(await stack.admin("GET", "/features")).toMatchObject({ features: [] });
  },
);
