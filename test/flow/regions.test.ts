// Three edges on workerd, as three zones or accounts have them: each with a key of its own. One hangs, dies, and comes back
// with the state that it had.
import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { freePort } from "../../origin/db/free-port.ts";
import { buildEdge } from "../../scripts/local-stack/build-edge.ts";
import { startEdge, type EdgeServer } from "../../scripts/local-stack/edge-server.ts";
import { formatSignature, signedText } from "../../shared/signing/push-signature.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { ownWorkerds } from "../support/linux-processes.ts";
import { startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { eventually } from "../support/stack.ts";

const NAMES = ["eu", "us", "ap"] as const;
type Name = (typeof NAMES)[number];
const TIMED_CHANGES = 8;
const secretOf = (name: string): string => `push-secret-of-${name}-0123456789abcdefghijklmnopqrstuvwxyz`;
const keyOf = (name: string): string => `${name}:${secretOf(name)}`;

type Zone = { readonly server: EdgeServer; readonly pid: number };
let folder: string;
let database: TestDatabase;
let origin: OriginUnderTest;
let ports: Record<Name, number>;
const zones = new Map<Name, Zone>();

const urlOf = (name: Name): string => `http://127.0.0.1:${ports[name]}`;

/** On its own port, with the state of before. */
const startZone = async (name: Name): Promise<void> => {
  const before = ownWorkerds();
  const server = await startEdge({
    bundleDir: await buildEdge(),
    stateDir: join(folder, name),
    port: ports[name],
    bindings: {
      UPSTREAM_URL: "http://127.0.0.1:1",
      ORIGIN_URL: "",
      PUSH_KEYS: keyOf(name),
      COOKIE_KEYS: "c2:cookie-secret-of-the-tests-0123456789abcdefghijklmnop",
    },
  });
  const pid = ownWorkerds().find((each) => !before.includes(each));
  if (pid === undefined) throw new Error("workerd does not run");
  zones.set(name, { server, pid });
};

const zoneOf = (name: Name): Zone => {
  const zone = zones.get(name);
  if (zone === undefined) throw new Error(`${name} does not run`);
  return zone;
};

const isOpen = async (name: Name, featureId: string): Promise<boolean> => {
  const explained = await (await fetch(`${urlOf(name)}/.sluice/explain`)).json();
  const { features } = explained as { features: { featureId: string; state: string }[] };
  return features.some((each) => each.featureId === featureId && each.state === "open");
};

const create = (featureId: string) =>
  origin.admin("POST", "/features", { featureId, enabled: true, rolloutBps: 10_000, holdoutBps: 0 });
const rollBack = (featureId: string) =>
  origin.admin("POST", `/features/${featureId}/rollback`, { reason: "test" });
const open = (featureId: string) =>
  origin.admin("POST", `/features/${featureId}/enable`, { reason: "test", rolloutBps: 10_000 });

const EdgesAnswer = z.object({
  edges: z.array(
    z.object({
      url: z.string(),
      missingChanges: z.number(),
      missingSince: z.string().nullable(),
      failingSince: z.string().nullable(),
    }),
  ),
});
const statusOf = async (name: Name) => {
  const { edges } = EdgesAnswer.parse(await origin.admin("GET", "/edges"));
  const edge = edges.find(({ url }) => url === urlOf(name));
  if (edge === undefined) throw new Error(`${name} is not listed`);
  return edge;
};
const metric = async (name: string, edge: Name): Promise<number> => {
  const text = await (await fetch(`${origin.url}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name}{edge="${urlOf(edge)}"`));
  return Number(line?.split(" ").at(-1));
};

const Delivery = z.object({ edges: z.array(z.object({ edge: z.string(), afterMs: z.number().nullable() })) });

/** Changes the feature so often, and returns how long each change took to these edges, sorted. */
const timesOf = async (featureId: string, names: readonly Name[], changes: number): Promise<number[]> => {
  const times: number[] = [];
  for (let i = 0; i < changes; i += 1) {
    await (i % 2 === 0 ? rollBack(featureId) : open(featureId));
    for (const name of names)
      await eventually(async () => {
        const { edges } = Delivery.parse(await origin.admin("GET", `/features/${featureId}/delivery`));
        const afterMs = edges.find(({ edge }) => edge === urlOf(name))?.afterMs ?? null;
        if (afterMs !== null) times.push(afterMs);
        return afterMs !== null;
      });
  }
  return times.toSorted((a, b) => a - b);
};
const shareOf = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
const told = (times: readonly number[]): string =>
  `${times.length} times: ${shareOf(times, 0.5).toFixed(0)} ms median, ${shareOf(times, 0.99).toFixed(0)} ms p99`;

const Receipt = z.object({
  receipt: z.object({
    complete: z.boolean(),
    missingEdges: z.array(z.string()),
    confirmations: z.array(z.object({ edge: z.string(), region: z.string() })),
  }),
  signature: z.string(),
});
const receiptOf = async (featureId: string) =>
  Receipt.parse(await origin.admin("GET", `/features/${featureId}/receipt`));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-regions-"));
  database = await makeTestDatabase();
  ports = { eu: await freePort(), us: await freePort(), ap: await freePort() };
  for (const name of NAMES) await startZone(name);
  origin = await startOrigin({
    DATABASE_URL: database.url,
    EDGE_URLS: NAMES.map((name) => urlOf(name)).join(","),
    // The first is the origin's own: it signs receipts, and no edge has it.
    PUSH_KEYS: ["own", ...NAMES].map((name) => keyOf(name)).join(","),
    EDGE_KEY_NAMES: NAMES.map((name) => `127.0.0.1:${ports[name]}=${name}`).join(","),
    ROLES: "push,admin",
  });
  for (const featureId of ["feat_closed", "feat_opened", "feat_timed"]) await create(featureId);
  for (const name of NAMES) await eventually(() => isOpen(name, "feat_timed"));
});
afterAll(async () => {
  await origin.end("SIGKILL");
  for (const { server } of zones.values()) await server.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

test("each edge takes pushes by its own key alone", async () => {
  for (const name of NAMES) {
    await eventually(async () => (await statusOf(name)).missingChanges === 0);
    expect((await statusOf(name)).failingSince).toBeNull();
  }
  const push = (to: Name, by: string): Promise<Response> => {
    const body = JSON.stringify({
      revision: 999,
      full: true,
      features: [],
      audience: new URL(urlOf(to)).host,
    });
    const timestamp = Math.floor(Date.now() / 1_000);
    const mac = createHmac("sha256", secretOf(by)).update(signedText(timestamp, body)).digest("hex");
    const signature = formatSignature({ timestamp, kid: by, mac });
    return fetch(`${urlOf(to)}/.sluice/push`, {
      method: "POST",
      headers: { "Sluice-Signature": signature },
      body,
    });
  };
  expect((await push("us", "eu")).status).toBe(401);
  expect((await push("us", "own")).status).toBe(401);
  expect(await isOpen("us", "feat_timed")).toBe(true);
});

test("an edge that hangs delays no other, and is said to be behind by what it lacks", async () => {
  const before = await timesOf("feat_timed", ["eu", "us"], TIMED_CHANGES);
  process.kill(zoneOf("ap").pid, "SIGSTOP");
  const closedAt = Date.now();
  await rollBack("feat_closed");
  await rollBack("feat_opened");
  await open("feat_opened");
  const during = await timesOf("feat_timed", ["eu", "us"], TIMED_CHANGES);
  process.stderr.write(`to two edges, with the third: ${told(before)}; while it hangs: ${told(during)}\n`);
  // A push to the edge that hangs takes 5 s.
  expect(during.at(-1)).toBeLessThan(1_000);
  for (const name of ["eu", "us"] as const) {
    expect(await isOpen(name, "feat_closed")).toBe(false);
    expect(await isOpen(name, "feat_opened")).toBe(true);
    expect(await statusOf(name)).toMatchObject({ missingChanges: 0, missingSince: null });
  }
  await eventually(async () => (await statusOf("ap")).failingSince !== null, 15_000);
  const { missingChanges, missingSince } = await statusOf("ap");
  expect(missingChanges).toBe(TIMED_CHANGES + 3);
  expect(Math.abs(Date.parse(missingSince ?? "") - closedAt)).toBeLessThan(1_000);
  await eventually(
    async () => (await metric("sluice_edge_missing_changes", "ap")) === TIMED_CHANGES + 3,
    15_000,
  );
  expect(await metric("sluice_edge_behind_seconds", "ap")).toBeGreaterThan(1);
  expect(await metric("sluice_edge_missing_changes", "eu")).toBe(0);
  expect(await metric("sluice_edge_behind_seconds", "us")).toBe(0);
}, 60_000);

test("the receipt has the confirmation of each region of each edge, and names the edge that is missing", async () => {
  const { receipt, signature } = await receiptOf("feat_closed");
  expect(receipt).toMatchObject({ complete: false, missingEdges: [urlOf("ap")] });
  const confirmed = receipt.confirmations.map(
    ({ edge, region }) => `${edge} ${region === "" ? "?" : "region"}`,
  );
  expect(new Set(confirmed)).toEqual(new Set([`${urlOf("eu")} region`, `${urlOf("us")} region`]));
  expect(signature).toContain("kid=own");
});

test("an edge that died is found by the doctor, with what it lacks", async () => {
  const { server, pid } = zoneOf("ap");
  process.kill(pid, "SIGKILL");
  zones.delete("ap");
  await server.stop();
  const Health = z.object({
    findings: z.array(z.object({ status: z.string(), subject: z.string().optional(), summary: z.string() })),
  });
  const { findings } = Health.parse(await origin.admin("GET", "/health"));
  const about = (name: Name) => findings.filter(({ subject }) => subject === urlOf(name));
  const lacks = new RegExp(
    `^cannot be reached: .*, and lacks ${TIMED_CHANGES + 3} changes, the oldest of 20`,
  );
  expect(about("ap")).toEqual([
    { status: "failing", subject: urlOf("ap"), summary: expect.stringMatching(lacks) },
  ]);
  expect(about("eu").every(({ status }) => status === "ok")).toBe(true);
});

test("an edge that comes back with its old state catches up, opens nothing that was closed, and completes the receipt", async () => {
  const revisionBefore = (await database.pool.query("select revision from state_head")).rows[0]?.revision;
  await startZone("ap");
  await eventually(async () => (await statusOf("ap")).missingChanges === 0, 15_000);
  for (const name of NAMES) {
    expect(await isOpen(name, "feat_closed")).toBe(false);
    expect(await isOpen(name, "feat_opened")).toBe(true);
  }
  const { rows } = await database.pool.query(
    "select enabled, (select revision from state_head) from feature_flags where feature_id = 'feat_closed'",
  );
  expect(rows).toEqual([{ enabled: false, revision: revisionBefore }]);
  await eventually(async () => (await receiptOf("feat_closed")).receipt.complete);
  const { receipt } = await receiptOf("feat_closed");
  expect(new Set(receipt.confirmations.map(({ edge }) => edge))).toEqual(
    new Set(NAMES.map((name) => urlOf(name))),
  );
  expect(await statusOf("ap")).toMatchObject({ missingSince: null, failingSince: null });
  await eventually(async () => (await metric("sluice_edge_behind_seconds", "ap")) === 0, 15_000);
}, 60_000);

test("an edge that lost its state gets all of it, closed as it is", async () => {
  const { server } = zoneOf("ap");
  zones.delete("ap");
  await server.stop();
  await rm(join(folder, "ap"), { recursive: true, force: true });
  await startZone("ap");
  await eventually(() => isOpen("ap", "feat_opened"), 15_000);
  expect(await isOpen("ap", "feat_closed")).toBe(false);
}, 60_000);
