import { expect, test } from "vitest";
import { reportOnce } from "../../../origin/delivery/completion-monitor.ts";
import { FeatureId } from "../../../shared/ids.ts";

const incomplete = (revision: number) => ({
  featureId: FeatureId.parse("feat_a"),
  revision,
  ageS: 31,
  edges: ["https://edge.example"],
});

/** The revisions that each check of a series reports. */
const reportsOf = (checks: readonly (readonly number[])[]): number[][] => {
  let reported: ReadonlySet<number> = new Set();
  return checks.map((revisions) => {
    const report = reportOnce(revisions.map(incomplete), reported);
    ({ reported } = report);
    return report.toReport.map(({ revision }) => revision);
  });
};

test("a rollback is reported by the first check that finds it incomplete, and by no later one", () => {
  expect(reportsOf([[], [5], [5], [5, 6], [5, 6]])).toEqual([[], [5], [], [6], []]);
});

test("a rollback that was complete and is not any more is reported again", () => {
  expect(reportsOf([[5], [], [5]])).toEqual([[5], [], [5]]);
});
