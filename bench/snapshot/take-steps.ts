// Steps of the product's own, taken one a request in isolates of workerd, and the CPU time of each.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../origin/db/free-port.ts";
import { bundleEdge } from "../../scripts/local-stack/edge-server.ts";
import { signatureOf } from "../edge/push.ts";
import { serve, type Served } from "../edge/workerd.ts";
import { median } from "../figures.ts";
import { makers } from "./features.ts";

/** In the order in which one needs the other's result; `keep` only prepares. */
export const STEPS = ["push", "answer", "keep", "kept", "learn", "meet", "change"] as const;
/** What the isolate of visitors does with a snapshot: it gets it from its replica, takes it in, and meets a request. */
const TAKES_IN: readonly string[] = ["answer", "learn", "meet"];
const FEATURES = 1_000;

/** The first `plain` of the features are plain, whatever the others are: visitors meet those and no rich one. */
export const messageOf = (kind: keyof typeof makers, plain = 0): object => ({
  revision: 1,
  full: true,
  features: Array.from({ length: FEATURES }, (_, i) => makers[i < plain ? "plain" : kind](i)),
});

export const bundleSteps = (folder: string): Promise<void> =>
  bundleEdge(join(folder, "steps"), fileURLToPath(new URL("steps.toml", import.meta.url)));

/** `folder`: where `bundleSteps` has put them. */
export const serveSteps = async (folder: string): Promise<Served> =>
  serve(folder, {
    bundleDir: join(folder, "steps"),
    entry: "steps.js",
    port: await freePort(),
    bindings: {},
    state: false,
  });

/** CPU ms of one step, without that of a request which does nothing. */
export const makeTake = async (served: Served) => {
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

/** Each step in an isolate that has never taken it; `again` may take them again. */
export const takeSteps = async (
  folder: string,
  kind: keyof typeof makers,
  again: (take: Awaited<ReturnType<typeof makeTake>>) => Promise<void> = async () => undefined,
): Promise<Record<string, number>> => {
  const body = JSON.stringify(messageOf(kind));
  const served = await serveSteps(folder);
  try {
    await fetch(served.url, { method: "POST", body, headers: { "Sluice-Signature": signatureOf(body) } });
    const take = await makeTake(served);
    const taken: Record<string, number> = {};
    for (const step of STEPS) taken[step] = await take(step);
    await again(take);
    return taken;
  } finally {
    await served.stop();
  }
};

/** CPU ms in which a cold isolate takes a snapshot in and meets its first request. */
export const takenInMs = (taken: Readonly<Record<string, number>>): number =>
  TAKES_IN.reduce((sum, step) => sum + (taken[step] ?? Number.NaN), 0);
