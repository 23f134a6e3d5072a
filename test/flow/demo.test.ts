// The whole loop as a reader of the README runs it, with a real Redis between its parts.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { startRedis } from "../support/redis.ts";

const DEMO_TIMEOUT_MS = 180_000;

test(
  "npm run demo: the failing feature is rolled back at the edge, the good one kept, and Redis told of both",
  { timeout: DEMO_TIMEOUT_MS },
  async () => {
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

    const demo = spawn(
      process.execPath,
      [fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url))],
      // Ports where nothing runs, so that it brings up a stack of its own.
      {
        env: { PATH: process.env["PATH"], REDIS_URL: redis.url, EDGE_PORT: "1" },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let told = "";
    demo.stdout.on("data", (chunk: Buffer) => (told += chunk.toString()));
    demo.stderr.on("data", (chunk: Buffer) => (told += chunk.toString()));
    const [code] = await once(demo, "exit");

    expect(code, told).toBe(0);
    expect(told).toMatch(/\d+ ms after the commit/);
    expect(told).toContain("ROLLBACK: ");
    expect(await client.get("feature:state:feat_smart_recs_v1")).toBe("DISABLED");
    expect(await client.get("feature:state:feat_express_checkout")).toBe("ENABLED");
    expect(await client.ttl("feature:state:feat_smart_recs_v1")).toBe(-1);
    expect(
      events.findLast(
        (event) => event.featureId === "feat_smart_recs_v1" && event.reason.startsWith("ROLLBACK"),
      ),
    ).toMatchObject({
      reason: expect.stringContaining("ROLLBACK"),
      revision: expect.any(Number),
    });
  },
);
