// What 1,000 features cost an isolate of workerd: CPU time to take them in, memory to hold them; and a signature's cost.
// Each step in turn in isolates that have never taken it (cold) and after fifty times (warm), on the built bundle.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort } from "../origin/db/free-port.ts";
import { bundleEdge } from "../scripts/local-stack/edge-server.ts";
import { makeVisitors } from "./edge/load.ts";
import { push, PUSH_SECRET, signatureOf } from "./edge/push.ts";
import { serve, type Served } from "./edge/workerd.ts";
import { makers } from "./snapshot/features.ts";
import { heldBy } from "./snapshot/heap.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    isolates: { type: "string", default: "11" },
    visitors: { type: "string", default: "10000" },
  },
});
const ISOLATES = Number(values.isolates);
const VISITORS = Number(values.visitors);
const FEATURES = 1_000;
const WARM = 50;
const SIGNATURES = 20_000;
const KINDS = ["plain", "rich"] as const;
/** In the order in which one needs the other's result; `keep` only prepares. */
const STEPS = ["push", "answer", "keep", "kept", "learn", "meet", "change"] as const;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const round = (value: number): number => Math.round(value * 100) / 100;
const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);
const median = (numbers: readonly number[]): number =>
  sorted(numbers)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** The first `plain` of the features are plain, whatever the others are: visitors meet those and no rich one. */
const messageOf = (kind: keyof typeof makers, plain = 0): object => ({
  revision: 1,
  full: true,
  features: Array.from({ length: FEATURES }, (_, i) => makers[i < plain ? "plain" : kind](i)),
});

/** CPU ms of one step, without that of a request which does nothing. */
const makeTake = async (served: Served) => {
  const request = async (step: string, times: number): Promise<number> => {
    const before = served.isolatesUs();
    const response = await fetch(`${served.url}/${step}?times=${times}`);
    if (!response.ok) throw new Error(`${step}: ${await response.text()}`);
    await response.text();
    return (served.isolatesUs() - before) / 1_000;
  };
  const idle: number[] = [];
  for (let i = 0; i < 9; i++) idle.push(await request("nothing", 1));
  const floor = median(idle.slice(2));
  return async (step: string, times = 1): Promise<number> =>
    Math.max(0, (await request(step, times)) - floor) / times;
};

const folder = await mkdtemp(join(tmpdir(), "sluice-bench-snapshot-"));
const outside = fork(here("edge/outside.ts"), { stdio: ["ignore", "inherit", "inherit", "ipc"] });

const serveSteps = async (): Promise<Served> =>
  serve(folder, {
    bundleDir: join(folder, "steps"),
    entry: "steps.js",
    port: await freePort(),
    bindings: {},
    state: false,
  });

type Taken = { readonly cold: number[]; warm: number };

const takeSteps = async (kind: keyof typeof makers): Promise<Record<string, Taken>> => {
  const body = JSON.stringify(messageOf(kind));
  const taken: Record<string, Taken> = {};
  for (let isolate = 0; isolate < ISOLATES; isolate++) {
    const served = await serveSteps();
    try {
      await fetch(served.url, { method: "POST", body, headers: { "Sluice-Signature": signatureOf(body) } });
      const take = await makeTake(served);
      for (const step of STEPS) (taken[step] ??= { cold: [], warm: 0 }).cold.push(await take(step));
      if (isolate === 0)
        for (const step of STEPS) {
          await take(step, WARM);
          taken[step]!.warm = await take(step, WARM);
        }
    } finally {
      await served.stop();
    }
  }
  return taken;
};

/** µs, without what is not the HMAC's. */
const signing = async () => {
  const served = await serveSteps();
  try {
    const take = await makeTake(served);
    const us = async (step: string): Promise<number> => {
      await take(step, SIGNATURES);
      const rounds: number[] = [];
      for (let i = 0; i < 5; i++) rounds.push((await take(step, SIGNATURES)) * 1_000);
      return round(median(rounds));
    };
    // The values that are verified are those that were signed last.
    const unsigned = await us("signNothing");
    return {
      signUs: await us("sign"),
      verifyUs: await us("verify"),
      floor: { signUs: unsigned, verifyUs: await us("verifyNothing") },
    };
  } finally {
    await served.stop();
  }
};

/** MB that the isolate which serves visitors holds, and the one in which hub and replica are. */
const memory = async (message: object | null, visitors: number, outsideUrl: string) => {
  const inspectorPort = await freePort();
  const served = await serve(folder, {
    bundleDir: join(folder, "sluice"),
    entry: "worker.js",
    port: await freePort(),
    bindings: {
      UPSTREAM_URL: outsideUrl,
      ORIGIN_URL: outsideUrl,
      PUSH_KEYS: `k:${PUSH_SECRET}`,
      COOKIE_KEYS: "k:cookie-secret-of-the-snapshot-bench-0123456789abcdefghijklmnop",
    },
    state: "apart",
    inspectorPort,
  });
  try {
    if (message !== null) await push(served.url, message);
    const { arrive, visit } = makeVisitors(served.url, visitors, 32);
    await arrive();
    await visit(visitors);
    return { gate: await heldBy(inspectorPort, "main"), state: await heldBy(inspectorPort, "state") };
  } finally {
    await served.stop();
  }
};

try {
  const [port] = await once(outside, "message");
  const outsideUrl = `http://127.0.0.1:${port}`;
  await bundleEdge(join(folder, "sluice"));
  await bundleEdge(join(folder, "steps"), here("snapshot/steps.toml"));

  const figures: Record<string, unknown> = {};
  for (const kind of KINDS) {
    const taken = await takeSteps(kind);
    const shown: Record<string, object> = {};
    for (const [step, { cold, warm }] of Object.entries(taken)) {
      if (step === "keep") continue;
      const inOrder = sorted(cold);
      shown[`${step}Ms`] = {
        cold: round(median(cold)),
        coldWorst: round(inOrder.at(-1) ?? Number.NaN),
        warm: round(warm),
      };
      console.log(
        `${kind.padEnd(6)} ${step.padEnd(7)} cold ${round(median(cold))} ms ` +
          `(${inOrder.map((ms) => ms.toFixed(1)).join(" ")}), warm ${round(warm)} ms`,
      );
    }
    figures[kind] = shown;
  }

  const isolateMb: Record<string, object> = {};
  for (const [name, message, visitors] of [
    ["empty", null, 1],
    ["plain", messageOf("plain"), 1],
    ["rich", messageOf("rich"), 1],
    ["richVisitors", messageOf("rich", 20), VISITORS],
    ["plainVisitors", messageOf("plain"), VISITORS],
  ] as const) {
    const { gate, state } = await memory(message, visitors, outsideUrl);
    isolateMb[name] = {
      gate: round(gate.heapMb + gate.outsideMb),
      state: round(state.heapMb + state.outsideMb),
    };
    console.log(
      `${name.padEnd(15)} the gate's isolate holds ${gate.heapMb} MB heap + ${gate.outsideMb} MB outside it; ` +
        `hub's and replica's ${state.heapMb} + ${state.outsideMb}`,
    );
  }
  figures["isolateMb"] = isolateMb;

  const signed = await signing();
  Object.assign(figures, signed);
  console.log(
    `a cookie is signed in ${signed.signUs} µs (${signed.floor.signUs} without HMAC) ` +
      `and verified in ${signed.verifyUs} µs (${signed.floor.verifyUs} without)`,
  );
  if (values.json) console.log(JSON.stringify(figures));
} finally {
  outside.kill();
  await rm(folder, { recursive: true, force: true });
}
