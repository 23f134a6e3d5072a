// Pages that must stay closed while the edge does not know its features: real Workers whose replicas fail, whose KV is
// empty, or whose configuration is wrong.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildEdge } from "../../scripts/local-stack/build-edge.ts";
import { bundleEdge, startEdge } from "../../scripts/local-stack/edge-server.ts";
import { pushTo } from "../support/edge.ts";
import { eventually } from "../support/stack.ts";
import { startTestSite, type TestSite } from "../support/site.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const SECRET = {
  featureId: "feat_secret",
  enabled: true,
  rolloutBps: 10_000,
  version: 1,
  failureMode: "closed",
  routes: [{ path: "/secret/*" }],
  gate: { whenClosed: { action: "redirect", to: "/soon", status: 307 } },
};
/** Closed, and it keeps its state whatever happens. */
const LATER = {
  ...SECRET,
  featureId: "feat_later",
  enabled: false,
  failureMode: "static",
  routes: [{ path: "/later" }],
  gate: { whenClosed: { action: "notFound" } },
};

/** The Worker with Durable Objects that answer nothing. */
const BROKEN = `
import { DurableObject } from "cloudflare:workers";
export { default } from ${JSON.stringify(join(root, "edge/worker.ts"))};
class Broken extends DurableObject {
  watch() { throw new Error("this test's object is broken"); }
  push() { throw new Error("this test's object is broken"); }
}
export class Hub extends Broken {}
export class Replica extends Broken {}
`;

let folder: string;
let site: TestSite;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-closed-"));
  site = await startTestSite();
  await writeFile(join(folder, "worker.ts"), BROKEN);
  const toml = await readFile(join(root, "wrangler.toml"), "utf8");
  await writeFile(join(folder, "wrangler.toml"), toml.replace("edge/worker.ts", "worker.ts"));
  await bundleEdge(join(folder, "broken"), join(folder, "wrangler.toml"));
  await withEdge({ bundle: "whole", state: "known" }, async (url) => {
    expect((await pushTo(url, { revision: 1, full: true, features: [SECRET, LATER] })).status).toBe(200);
    expect(await statusesOf(url)).toEqual(OPEN);
  });
});
afterAll(async () => {
  await site.stop();
  await rm(folder, { recursive: true, force: true });
});

const withEdge = async (
  {
    bundle,
    state,
    bindings = {},
  }: { bundle: "whole" | "broken"; state: string; bindings?: Record<string, string> },
  use: (url: string) => Promise<void>,
): Promise<void> => {
  const edge = await startEdge({
    bundleDir: bundle === "whole" ? await buildEdge() : join(folder, bundle),
    stateDir: join(folder, state),
    port: 0,
    bindings: {
      UPSTREAM_URL: site.url,
      ORIGIN_URL: "",
      PUSH_KEYS: "new:push-secret-of-the-tests-0123456789abcdefghijklmnop",
      COOKIE_KEYS: "c2:cookie-secret-of-the-tests-0123456789abcdefghijklmnop",
      ...bindings,
    },
  });
  try {
    await use(edge.url);
    // The hub writes the KV copy behind the push.
    if (state === "known") await eventually(async () => (await edge.readKvCopy()) !== null);
  } finally {
    await edge.stop();
  }
};

const PATHS = ["/secret/x", "/%73ecret//x", "/later", "/other"];
const statusesOf = async (url: string): Promise<number[]> => {
  const statuses: number[] = [];
  for (const path of PATHS) statuses.push((await fetch(url + path, { redirect: "manual" })).status);
  return statuses;
};
const OPEN = [200, 200, 404, 200];
const UNGATED = [200, 200, 200, 200];
const WRONG = { WATCH_MS: "soon" };
const NAMED = { CLOSED_WITHOUT_STATE: "/secret/:page  /later" };

test.each([
  ["from the KV copy, when no replica answers", { bundle: "broken", state: "known" }, [307, 307, 404, 200]],
  [
    "from the KV copy, when the configuration is wrong",
    { bundle: "whole", state: "known", bindings: WRONG },
    [307, 307, 200, 200],
  ],
  [
    "without any state, where the configuration names the path",
    { bundle: "broken", state: "empty", bindings: NAMED },
    [404, 404, 404, 200],
  ],
  [
    "without any state and with a wrong configuration that names the path",
    { bundle: "broken", state: "empty", bindings: { ...WRONG, ...NAMED } },
    [404, 404, 404, 200],
  ],
  [
    "where the list of paths is itself wrong in part",
    { bundle: "whole", state: "empty", bindings: { CLOSED_WITHOUT_STATE: "later /secret/*" } },
    [404, 404, 200, 200],
  ],
] as const)("a page that must stay closed is closed %s", async (_, how, expected) => {
  await withEdge(how, async (url) => expect(await statusesOf(url)).toEqual(expected));
});

test.each([
  ["no replica answers and the configuration names no path", { bundle: "broken", state: "empty" }],
  ["nothing was ever pushed, which the replica knows", { bundle: "whole", state: "fresh", bindings: NAMED }],
] as const)("all pages are open when %s", async (_, how) => {
  await withEdge(how, async (url) => expect(await statusesOf(url)).toEqual(UNGATED));
});
