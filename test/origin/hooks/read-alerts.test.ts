// What each alerting system sends, read into one form.
import { describe, expect, test } from "vitest";
import type { ReadAlert } from "../../../origin/hooks/alert.ts";
import { cleanText } from "../../../origin/hooks/clean-text.ts";
import type { Source } from "../../../origin/hooks/hook.ts";
import { readAlerts } from "../../../origin/hooks/read-alerts.ts";
import payloads from "../../spec/alert-payloads.json" with { type: "json" };

const read = (source: Source, json: unknown): readonly ReadAlert[] => {
  const result = readAlerts(source, json);
  if (!result.ok) throw new Error(result.error);
  return result.value;
};
const shown = (alerts: readonly ReadAlert[]) =>
  alerts.map((alert) =>
    alert.ok
      ? {
          ...alert.value,
          beganAt: alert.value.beganAt.toISOString(),
          labels: Object.fromEntries(alert.value.labels),
        }
      : alert.error,
  );

describe("a payload of", () => {
  test.each(payloads)("$source: $what", ({ source, payload, alerts }) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the cases name sources
    expect(shown(read(source as Source, payload))).toEqual(alerts);
  });
});

describe("what cannot be read", () => {
  const good = {
    status: "firing",
    labels: { alertname: "Good" },
    startsAt: "2026-11-26T04:00:00Z",
    fingerprint: "f1",
  };

  test("one bad alert stops none of the others", () => {
    const bad = [
      null,
      7,
      {},
      { ...good, status: "on" },
      { ...good, startsAt: "yesterday" },
      { ...good, fingerprint: "" },
      { ...good, fingerprint: "f".repeat(300) },
      { ...good, labels: [] },
    ];
    const alerts = read("alertmanager", { alerts: [...bad, good] });
    expect(alerts.map(({ ok }) => ok)).toEqual([...bad.map(() => false), true]);
  });

  test.each([null, [], "text", 1, {}, { alerts: {} }, { alerts: null }])(
    "the body %j as a whole is refused by every source",
    (json) => {
      for (const source of ["alertmanager", "grafana", "datadog", "pagerduty", "generic"] as const)
        expect(readAlerts(source, json).ok).toBe(false);
    },
  );

  test("labels that are no text are left out, and names of prototypes are names", () => {
    const labels = JSON.parse('{"__proto__": "x", "constructor": "y", "n": 1, "o": {}, "toString": "z"}');
    const [alert] = read("generic", { alerts: [{ ...good, labels }] });
    expect(alert?.ok === true && alert.value.labels.get("n")).toBe(undefined);
    expect(alert?.ok === true && alert.value.labels.get("constructor")).toBe("y");
  });

  test("only addresses of the web are links", () => {
    for (const link of ["javascript:alert(1)", "file:///etc/passwd", "no", `https://a/${"b".repeat(600)}`]) {
      const [alert] = read("generic", { alerts: [{ ...good, generatorURL: link }] });
      expect(alert?.ok === true && alert.value.link).toBe(null);
    }
  });
});

describe("a text", () => {
  test.each([
    ["two\nlines\tand\u0000a NUL", 100, "two lines and a NUL"],
    ["  spaces   all over  ", 100, "spaces all over"],
    ["\u202eevil\u202c right to left, \u200bzero\u200d width", 100, "evil right to left, zero width"],
    ["half \ud800 a pair, and 🦥 whole", 100, "half a pair, and 🦥 whole"],
    ["🦥🦥🦥🦥", 3, "🦥🦥…"],
    ["<!channel> *bold* <b>", 100, "<!channel> *bold* <b>"],
    ["\u0007", 10, ""],
  ])("%j in %d characters is %j", (text, most, clean) => {
    expect(cleanText(text, most)).toBe(clean);
  });
});
