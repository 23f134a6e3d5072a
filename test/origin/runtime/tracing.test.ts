// OpenTelemetry's packages are loaded by whoever asks for traces, and by nobody else.
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { spanIdOf, traceIdOf, traceparentOf } from "../../../origin/runtime/tracing.ts";

const loadedBy = (endpoint: string): number => {
  const code = `
    import module from "node:module";
    import { startTracing } from "${new URL("../../../origin/runtime/tracing.ts", import.meta.url).href}";
    const tracing = await startTracing(${endpoint}, "1.2.3");
    console.log(Object.keys(module._cache).filter((file) => file.includes("@opentelemetry")).length);
    await tracing?.stop();
  `;
  return Number(
    execFileSync(process.execPath, ["--input-type=module", "--eval", code], { encoding: "utf8" }),
  );
};

test("without OTEL_EXPORTER_OTLP_ENDPOINT nothing of OpenTelemetry is loaded", () => {
  expect(loadedBy("undefined")).toBe(0);
  expect(loadedBy('"http://127.0.0.1:9"')).toBeGreaterThan(0);
});

test("processes that share a history name the same trace, and another history another one", () => {
  const one = traceIdOf({ lineage: "a", revision: 7 });
  expect(one).toMatch(/^[0-9a-f]{32}$/);
  expect(traceIdOf({ lineage: "a", revision: 7 })).toBe(one);
  expect(traceIdOf({ lineage: "a", revision: 8 })).not.toBe(one);
  expect(traceIdOf({ lineage: "b", revision: 7 })).not.toBe(one);
  expect(traceparentOf(one, spanIdOf(one, "commit"))).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});
