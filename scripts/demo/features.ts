// The two features of the demo, and what they have to achieve.
import type { DemoFeature } from "./admin-client.ts";
import { EXPRESS_CHECKOUT, SMART_RECOMMENDATIONS } from "../shop/features.ts";

// Seconds instead of the hours and days of a real product, so that it ends while one watches.
const windows = {
  activationWindowSeconds: 8,
  retentionWindowSeconds: 16,
  returnAfterSeconds: 3,
  evaluationWindowSeconds: 120,
};
const floors = { activationThreshold: 0.25, retentionThreshold: 0.25, latencyP95Threshold: 1_000 };
const rule = {
  ...floors,
  ...windows,
  minCohortSize: 200,
  // A slow machine makes both arms slow: held against the holdout, it closes nothing by itself.
  compare: { latency: "holdout" },
  mode: "enforce",
};
const state = { holdoutBps: 1_000, activation: { path: "/checkout", method: "POST" } };

export const bad: DemoFeature = {
  featureId: SMART_RECOMMENDATIONS,
  rolloutBps: 5_000,
  state: { ...state, routes: [{ path: "/" }] },
  rule,
};
export const good: DemoFeature = {
  featureId: EXPRESS_CHECKOUT,
  rolloutBps: 5_000,
  state: { ...state, routes: [{ path: "/products/*" }] },
  rule,
};
