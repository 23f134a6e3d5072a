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
import { push, PUSH_SECRET } from "./edge/push.ts";
import { serve } from "./edge/workerd.ts";
import { median } from "./figures.ts";
import type { makers } from "./snapshot/features.ts";
import { heldBy } from "../test/support/isolate-heap.ts";
import {
  bundleSteps,
  makeTake,
  messageOf,
  serveSteps,
  STEPS,
  takenInMs,
  takeSteps,
} from "./snapshot/take-steps.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    isolates: { type: "string", default: "11" },
    visitors: { type: "string", default: "10000" },
  },
});
const ISOLATES = Number(values.isolates);
const VISITORS = Number(values.visitors);
const WARM = 50;
const SIGNATURES = 20_000;
const KINDS = ["plain", "rich"] as const;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const round = (value: number): number => Math.round(value * 100) / 100;
const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);
const folder = await mkdtemp(join(tmpdir(), "sluice-bench-snapshot-"));
const outside = fork(here("edge/outside.ts"), { stdio: ["ignore", "inherit", "inherit", "ipc"] });

type Taken = { readonly cold: number[]; warm: number };

/** By step, and `takeIn`: all that the isolate of visitors does with a snapshot. */
const takeAll = async (kind: keyof typeof makers): Promise<Record<string, Taken>> => {
  const taken: Record<string, Taken> = {};
  for (let isolate = 0; isolate < ISOLATES; isolate++) {
    const warm: Record<string, number> = {};
    const cold = await takeSteps(folder, kind, async (take) => {
      if (isolate > 0) return;
      for (const step of STEPS) {
        await take(step, WARM);
        warm[step] = await take(step, WARM);
      }
    });
    for (const [step, ms] of Object.entries({ ...cold, takeIn: takenInMs(cold) })) {
      const known = (taken[step] ??= { cold: [], warm: 0 });
      known.cold.push(ms);
      if (isolate === 0) known.warm = step === "takeIn" ? takenInMs(warm) : (warm[step] ?? Number.NaN);
    }
  }
  return taken;
};

/** µs, without what is not the HMAC's. */
const signing = async () => {
  const served = await serveSteps(folder);
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
  await bundleSteps(folder);

  const figures: Record<string, unknown> = {};
  for (const kind of KINDS) {
    const taken = await takeAll(kind);
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
