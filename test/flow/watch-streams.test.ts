// The watches between isolates, replica and hub as streams, on real workerd with the gate and the objects in separate
// Workers: what they cost, and what happens when a stream breaks, falls silent, ends in the middle of an answer, or is
// cancelled with the request that reads it.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleEdge, startEdge, type EdgeServer } from "../../scripts/local-stack/edge-server.ts";
import { pushTo } from "../support/edge.ts";
import { eventually } from "../support/stack.ts";
import { startTestSite, type TestSite } from "../support/site.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The Worker with objects whose streams can be broken, and with requests whose background work is cancelled. */
const BREAKABLE = `
import edge, { Hub as RealHub, Replica as RealReplica } from ${JSON.stringify(join(root, "edge/worker.ts"))};

let mode = "whole";
const breakable = (Real, ofMode) => class extends Real {
  open = 0;
  async watch(watch, region) {
    if (mode === "old") return super.watch({ ...watch, beatMs: undefined }, region);
    const answer = await super.watch(watch, region);
    if (!(answer instanceof ReadableStream)) return answer;
    const { readable, writable } = new IdentityTransformStream();
    this.ctx.waitUntil(this.relay(answer.getReader(), writable.getWriter()).catch(() => {}));
    return readable;
  }
  async relay(reader, writer) {
    this.open++;
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        if (mode === ofMode + " silent") continue;
        const isHalf = mode.startsWith(ofMode + " half");
        await writer.write(isHalf ? value.slice(0, value.length / 2) : value);
        if (mode === ofMode + " half, then silent") await scheduler.wait(60_000);
        if (isHalf) break;
      }
      await writer.close();
    } finally {
      this.open--;
      await reader.cancel().catch(() => {});
    }
  }
  streams() { return this.open; }
  die() { this.ctx.abort("this test kills the object"); }
};
export const Hub = breakable(RealHub, "hub");
export const Replica = breakable(RealReplica, "replica");

export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/.test") {
      const objects = { hub: [env.HUB, "hub"], replica: [env.REPLICA, "weur"] };
      const stubs = (searchParams.get("objects") ?? "hub,replica").split(",").map((which) => {
        const [namespace, name] = objects[which];
        return namespace.get(namespace.idFromName(name));
      });
      mode = searchParams.get("mode") ?? mode;
      if (searchParams.has("die")) await Promise.all(stubs.map((stub) => stub.die().catch(() => {})));
      return Response.json(searchParams.has("die") ? null : await stubs[0].streams());
    }
    // Without waitUntil the platform cancels what goes on after the answer.
    return edge.fetch(request, env, request.headers.has("Test-Cancelled") ? { waitUntil: () => {} } : ctx);
  },
};
`;

const ISOLATES = 3;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
let folder: string;
let site: TestSite;
let edge: EdgeServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-watch-"));
  site = await startTestSite();
  await writeFile(join(folder, "worker.ts"), BREAKABLE);
  const toml = await readFile(join(root, "wrangler.toml"), "utf8");
  await writeFile(join(folder, "wrangler.toml"), toml.replace("edge/worker.ts", "worker.ts"));
  await bundleEdge(join(folder, "bundle"), join(folder, "wrangler.toml"));
  edge = await startEdge({
    bundleDir: join(folder, "bundle"),
    stateDir: join(folder, "state"),
    port: 0,
    morePorts: Array.from({ length: ISOLATES + 1 }, () => 0),
    bindings: {
      UPSTREAM_URL: site.url,
      ORIGIN_URL: "",
      PUSH_KEYS: "new:push-secret-of-the-tests-0123456789abcdefghijklmnop",
      COOKIE_KEYS: "c2:cookie-secret-of-the-tests-0123456789abcdefghijklmnop",
    },
  });
});
afterAll(async () => {
  await edge.stop();
  await site.stop();
  await rm(folder, { recursive: true, force: true });
});

type Health = { revision: number; source: string; ageMs: number; stateCalls: number; stateAnswers: number };
const health = async (url: string, headers: Record<string, string> = {}): Promise<Health> =>
  (await fetch(`${url}/.sluice/health`, { headers })).json() as never;
/** Every isolate's but the last, each by a request of its own. */
const all = () => Promise.all(edge.moreUrls.slice(0, ISOLATES).map((url) => health(url)));

const control = async (query: Record<string, string>): Promise<unknown> =>
  (await fetch(`${edge.url}/.test?${new URLSearchParams(query).toString()}`)).json();
const streamsOf = (object: string) => control({ objects: object });

let revision = 0;
const push = async (enabled: boolean) => {
  revision++;
  const features = [{ featureId: "feat_a", enabled, rolloutBps: 10_000, version: revision }];
  expect((await pushTo(edge.url, { revision, full: revision === 1, features })).status).toBe(200);
};

/** What requests to all isolates were answered with, one every 50 ms. */
const visit = async (ms: number): Promise<Health[]> => {
  const seen: Health[] = [];
  for (const endsAt = performance.now() + ms; performance.now() < endsAt; await sleep(50))
    seen.push(...(await all()));
  return seen;
};

const MAX_STALE_MS = 2_000;
const oldest = (seen: readonly Health[]): number => Math.max(...seen.map(({ ageMs }) => ageMs));

const whole = async (): Promise<void> => {
  await control({ mode: "whole", die: "" });
  await eventually(async () => (await all()).every(({ ageMs }) => ageMs < MAX_STALE_MS));
  await eventually(async () => (await streamsOf("replica")) === ISOLATES);
};

test("an isolate whose requests are answered from memory makes no call for seconds, and hears a beat each second", async () => {
  await push(true);
  await whole();
  const before = await all();
  const seen = await visit(3_500);
  const after = seen.slice(-ISOLATES);
  expect(after.map(({ stateCalls }, i) => stateCalls - (before[i]?.stateCalls ?? 0))).toEqual([0, 0, 0]);
  for (const [i, { stateAnswers }] of after.entries())
    expect(stateAnswers - (before[i]?.stateAnswers ?? 0)).toBeGreaterThanOrEqual(3);
  expect(oldest(seen)).toBeLessThan(MAX_STALE_MS);
});

test("a change costs an isolate one call, and every isolate has it when the push is answered", async () => {
  await whole();
  const before = await all();
  await push(false);
  for (const [i, after] of (await all()).entries()) {
    expect(after).toMatchObject({ revision, source: "memory" });
    expect(after.stateCalls - (before[i]?.stateCalls ?? 0)).toBe(1);
  }
});

test.each([
  ["a replica dies with its streams", 1_000, { objects: "replica", die: "" }],
  ["the hub dies with its streams", 1_000, { objects: "hub", die: "" }],
  ["both die", 1_000, { die: "" }],
  ["the streams of the replica are silent", 3_200, { mode: "replica silent" }],
  ["the streams of the hub are silent", 2_700, { mode: "hub silent" }],
  ["the streams of the replica end in the middle of an answer", 2_000, { mode: "replica half" }],
  ["the streams of the hub end in the middle of an answer", 1_500, { mode: "hub half" }],
  ["answers of the replica stop in the middle", 4_500, { mode: "replica half, then silent" }],
  ["objects of an older version give one answer a call", 2_000, { mode: "old", die: "" }],
])(
  "while %s, no request is answered from a snapshot that is older than MAX_STALE_MS, and a change arrives",
  async (_, ms, broken) => {
    await whole();
    await control(broken);
    const seen = await visit(ms);
    await push(revision % 2 === 0);
    await eventually(async () => {
      const answers = await all();
      seen.push(...answers);
      return answers.every((answer) => answer.revision === revision);
    });
    expect(oldest(seen)).toBeLessThanOrEqual(MAX_STALE_MS);
  },
);

test("a request whose background work is cancelled takes its stream with it, and the next one watches", async () => {
  await whole();
  const url = edge.moreUrls[ISOLATES] ?? "";
  const seen: Health[] = [];
  for (const endsAt = performance.now() + 2_500; performance.now() < endsAt; await sleep(50))
    seen.push(await health(url, { "Test-Cancelled": "1" }));
  expect(seen.at(-1)?.stateCalls).toBeGreaterThan(1); // its stream brought nothing more, so it asked
  expect(oldest(seen)).toBeLessThanOrEqual(MAX_STALE_MS);
  await eventually(async () => (await streamsOf("replica")) === ISOLATES);
  await eventually(async () => {
    await health(url);
    return (await streamsOf("replica")) === ISOLATES + 1;
  });
});
