// The dashboards in deploy/grafana are those of their code, and ask for metrics that exist.
import { describe, expect, test } from "vitest";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import { dashboardFiles } from "../../scripts/dashboards/files.ts";
import { readFile, trackedFiles } from "./repository.ts";

const FOLDER = "deploy/grafana/dashboards";

test("each dashboard is there, and no other", () => {
  expect(trackedFiles(`${FOLDER}/*`)).toEqual(
    [...dashboardFiles().keys()].map((name) => `${FOLDER}/${name}`),
  );
});

describe.each([...dashboardFiles()])("%s", (name, text) => {
  test("is the one that its code makes (npm run dashboards writes it)", () => {
    expect(readFile(`${FOLDER}/${name}`)).toBe(text);
  });

  test("asks for metrics that exist", () => {
    const names = makeMetrics()
      .registry.getMetricsAsArray()
      .map((metric) => metric.name);
    const known = new Set(names.flatMap((metric) => [metric, `${metric}_bucket`, `${metric}_count`]));
    const named = text.match(/\bsluice_[a-z_0-9]+\b/g) ?? [];
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((metric) => !known.has(metric))).toEqual([]);
  });
});

test("each metric is in a panel or in an alert", () => {
  const shown = [...dashboardFiles().values(), readFile("deploy/prometheus/sluice-alerts.yml")].join("\n");
  const named = new Set(shown.match(/\bsluice_[a-z_0-9]+\b/g));
  const metrics = makeMetrics()
    .registry.getMetricsAsArray()
    .filter(({ name }) => name.startsWith("sluice_"));
  const unseen = metrics.filter(
    ({ name }) => !["", "_bucket", "_count"].some((suffix) => named.has(`${name}${suffix}`)),
  );
  expect(unseen.map(({ name }) => name)).toEqual([]);
});
