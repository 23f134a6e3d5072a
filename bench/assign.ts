// One full decision for a 50 % rollout: route, targeting, bucket, reason; beside other evaluators' own.
import { parseArgs } from "node:util";
import { compileSnapshot } from "../edge/features/compile-snapshot.ts";
import { evaluateFeature, type EvaluationRequest } from "../shared/features/evaluate-feature.ts";
import { PushMessage } from "../shared/snapshot/push-message.ts";
import type { EvaluationContext } from "../shared/features/compile-targeting.ts";
import { encodeFeature } from "../shared/features/encoded-feature.ts";
import { UnitId } from "../shared/ids.ts";
import { installPeers } from "./peers/install.ts";
import type { Evaluator } from "./peers/evaluators.js";

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });

const UNITS = Array.from({ length: 10_000 }, (_, i) =>
  UnitId.parse(`user-${i}-${(i * 2_654_435_761) % 4_294_967_296}`),
);
const ROUND_MS = 300;
const ROUNDS = 7;

const sluice = (): Evaluator => {
  const push = PushMessage.parse({
    revision: 1,
    full: true,
    features: [
      {
        featureId: "feat_bench",
        enabled: true,
        rolloutBps: 5_000,
        version: 1,
        targeting: { attribute: "country", operator: "in", values: ["DE", "AT", "CH"] },
      },
    ],
  });
  const [feature] = compileSnapshot(push.revision, push.features.map(encodeFeature)).features;
  if (feature === undefined) throw new Error("no feature");
  const context: EvaluationContext = {
    country: () => "DE",
    path: () => "/",
    device: () => null,
    header: () => null,
    cookie: () => null,
    claim: () => [],
  };
  return (unitId) => {
    const request: EvaluationRequest = { path: "/", method: "GET", context, stale: false, previewId: null };
    return evaluateFeature(feature, request, { visitorId: unitId, userId: null }).open;
  };
};

/** Median ns of CPU time for one evaluation over the rounds, and the share that got the feature. */
const measure = (evaluate: Evaluator): { ns: number; share: number } => {
  const rounds: number[] = [];
  // The process's own time: another program on the machine is not the evaluator's fault.
  const cpuNs = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1_000;
  };
  let open = 0;
  let count = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const began = performance.now();
    const before = cpuNs();
    let done = 0;
    while (performance.now() - began < ROUND_MS)
      for (const unit of UNITS) {
        if (evaluate(unit)) open++;
        done++;
      }
    count += done;
    if (round > 0) rounds.push((cpuNs() - before) / done);
  }
  return { ns: rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN, share: open / count };
};

const contenders: Record<string, Evaluator> = { sluice: sluice() };
if (installPeers()) Object.assign(contenders, await (await import("./peers/evaluators.js")).makePeers());
else console.log("the peers could not be installed: Sluice alone");

const figures: Record<string, number> = {};
for (const [name, evaluate] of Object.entries(contenders)) {
  const { ns, share } = measure(evaluate);
  figures[name] = Math.round(ns);
  console.log(
    `${name.padEnd(12)} ${ns.toFixed(0).padStart(6)} ns a decision, ${(share * 100).toFixed(1)} % open`,
  );
}
const { sluice: nsPerEvaluation = Number.NaN, ...peers } = figures;
const fastestPeerRatio = Math.round((Math.min(...Object.values(peers)) / nsPerEvaluation) * 100) / 100;
console.log(`the fastest peer takes ${fastestPeerRatio} times as long`);
if (values.json) console.log(JSON.stringify({ nsPerEvaluation, peers, fastestPeerRatio }));
