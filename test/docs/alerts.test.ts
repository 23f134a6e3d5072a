// Rules, runbook and metrics together: no alert without an entry, no entry without an alert, and no rule about a metric that
// does not exist. promtool runs the rules' own tests.
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import { programPath } from "../../scripts/system-programs.ts";
import { readFile, root } from "./repository.ts";

const FOLDER = "deploy/prometheus";
const RUNBOOK = "docs/operations/runbook.md";

const Alert = z.object({
  alert: z.string(),
  expr: z.string(),
  labels: z.object({ severity: z.enum(["page", "warning", "info"]) }),
  annotations: z.object({ summary: z.string(), runbook_url: z.string() }),
});
const Recorded = z.object({ record: z.string(), expr: z.string() });
const Rules = z.object({ groups: z.array(z.object({ rules: z.array(z.union([Alert, Recorded])) })) });
const rules = Rules.parse(parse(readFile(`${FOLDER}/sluice-alerts.yml`))).groups.flatMap(
  (group) => group.rules,
);
const alerts = rules.flatMap((rule) => ("alert" in rule ? [rule] : []));
const recorded = rules.flatMap((rule) => ("record" in rule ? [rule.record] : []));

const RuleTests = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })),
    }),
  ),
});
const TESTS = ["sluice-alerts.test.yml", "sluice-objectives.test.yml"];

const promtool = (...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync(programPath("promtool", "This test"), args, {
    cwd: `${root}/${FOLDER}`,
    encoding: "utf8",
  });
  return status === 0 ? "passed" : `${stdout}\n${stderr}`;
};

test("each alert is quiet before its cause and fires after it", () => {
  expect(promtool("check", "config", "--syntax-only", "prometheus.yml")).toBe("passed");
  expect(promtool("test", "rules", ...TESTS)).toBe("passed");
});

test("each alert has a case in which it fires and one in which it is quiet", () => {
  const cases = TESTS.flatMap((name) => RuleTests.parse(parse(readFile(`${FOLDER}/${name}`))).tests).flatMap(
    (each) => each.alert_rule_test,
  );
  const tested = (isFiring: boolean) =>
    new Set(cases.filter((one) => one.exp_alerts.length > 0 === isFiring).map((one) => one.alertname));
  for (const names of [tested(true), tested(false)])
    expect(alerts.map(({ alert }) => alert).filter((name) => !names.has(name))).toEqual([]);
});

test("no rule names a metric that does not exist", () => {
  const names = makeMetrics()
    .registry.getMetricsAsArray()
    .map(({ name }) => name);
  const known = new Set(names.flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]));
  const named = rules.flatMap(({ expr }) => expr.match(/\bsluice_[a-z_0-9]+\b/g) ?? []);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
  const read = rules.flatMap(({ expr }) => expr.match(/\bsluice:[a-z_0-9:]+/g) ?? []);
  expect([...new Set(read)].toSorted()).toEqual([...new Set(recorded)].toSorted());
});

test("the page on alerting lists each alert with its severity", () => {
  const rows = readFile("docs/operations/alert.md").matchAll(/^\| `(Sluice\w+)` +\| `(\w+)` +\|/gm);
  const listed = Array.from(rows, ([, name, severity]) => `${name} ${severity}`);
  expect(listed.toSorted()).toEqual(
    alerts.map(({ alert, labels }) => `${alert} ${labels.severity}`).toSorted(),
  );
});

describe("the runbook", () => {
  const [, ...sections] = readFile(RUNBOOK).split(/^### /m);
  const entries = new Map(
    sections.map((section) => [section.slice(0, section.indexOf("\n")), section.split(/^## /m)[0] ?? ""]),
  );

  test("has an entry for each alert and for nothing else", () => {
    expect([...entries.keys()].toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  });

  test.each(alerts)("says of $alert what it means, where to look, what to do, how to silence", (alert) => {
    const entry = entries.get(alert.alert) ?? "";
    for (const part of ["What it means", "Where to look", "What to do", "How to silence"]) {
      const text = new RegExp(`\\*\\*${part}\\.\\*\\* (.+)`).exec(entry)?.[1] ?? "";
      expect(text.length, part).toBeGreaterThan(30);
    }
    expect(entry).toContain(`alertname=${alert.alert}`);
    expect(alert.annotations.runbook_url).toBe(`${RUNBOOK}#${alert.alert.toLowerCase()}`);
  });
});
