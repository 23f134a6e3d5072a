// A feature that is deleted leaves the metrics, with every kind of series that it had.
import { expect, test } from "vitest";
import { forgetSeries } from "../../../origin/runtime/forget-series.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";

test("a deleted feature leaves no series, and the others keep theirs", async () => {
  const metrics = makeMetrics();
  for (const feature of ["feat_here", "feat_gone"]) {
    metrics.decisions.inc({ feature, action: "WAIT" });
    metrics.rollbacks.inc({ feature, outcome: "committed" });
    metrics.rollbackReasons.inc({ feature, reason: "activation" });
    metrics.pmfScore.set({ feature }, 0.5);
    metrics.cohortSize.set({ feature, cohort: "holdout" }, 7);
  }
  metrics.setAsideSpans.set({ feature: "" }, 3);
  const before = await metrics.registry.metrics();
  await forgetSeries(metrics.registry, (feature) => feature === "feat_here");
  const text = await metrics.registry.metrics();
  expect(before.match(/feat_gone/g)).toHaveLength(5);
  expect(text).not.toContain("feat_gone");
  expect(text.match(/feat_here/g)).toHaveLength(5);
  expect(text).toContain('sluice_fold_set_aside_spans{feature=""} 3');
});
