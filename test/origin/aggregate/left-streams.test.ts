// A process that does not read the streams of NATS says what is left in them, with a real NATS server and a real origin.
import { randomBytes } from "node:crypto";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { leftInStreams, type KnownStream } from "../../../origin/aggregate/left-streams.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { jetStreamSettings, startNats } from "../../support/nats.ts";
import { startOrigin } from "../../support/origin.ts";
import { newUnit } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, waitFor } from "../../support/telemetry.ts";

const [database, nats] = await Promise.all([makeTestDatabase(), startNats()]);
afterAll(async () => {
  await nats.stop();
  await database.drop();
});

const AT = Date.parse("2026-05-01T12:00:00Z");
const stream = (name: string, more: Partial<KnownStream> = {}): KnownStream => ({
  stream: `${name} of 2026-05-01T00:00:00Z`,
  partition: 0,
  writer: 7,
  beginsAfter: 0,
  lastSeq: 12,
  lookedAt: new Date(AT - 120_000),
  ...more,
});
const checkpoint = { partition: 0, writer: 7, seq: 10 };

test.each<[string, readonly KnownStream[], string, RegExp]>([
  [
    "beyond the checkpoint",
    [stream("a-0")],
    "failing",
    /^2 blocks .* streams a-0 are not counted, as of 2026/,
  ],
  ["without a checkpoint", [stream("a-0", { writer: 8 })], "failing", /^12 blocks/],
  [
    "in two",
    [stream("a-0"), stream("b-0", { writer: 8, lastSeq: 5 })],
    "failing",
    /^7 blocks .* a-0, b-0 are/,
  ],
  ["while others read them", [stream("a-0", { lookedAt: new Date(AT - 9_000) })], "warning", /^2 blocks/],
  ["unseen", [stream("a-0", { lastSeq: null, lookedAt: null })], "warning", /^whether .* is not known/],
])("blocks that are left in streams (%s) are told of", (_, known, status, summary) => {
  const found = leftInStreams(known, [checkpoint], AT);
  expect(found).toMatchObject({ status });
  expect(found?.summary).toMatch(summary);
  expect(found?.todo).toContain("SPAN_LOG_URL");
});

test("streams of which everything is counted, or that go on from there, are not told of", () => {
  const all = [stream("a-0", { lastSeq: 10 }), stream("b-0", { writer: 8, lastSeq: 5, beginsAfter: 5 })];
  expect(leftInStreams(all, [checkpoint], AT)).toBeNull();
});

const Health = z.object({
  findings: z.array(z.object({ check: z.string(), status: z.string(), summary: z.string() })),
});

test("an origin without SPAN_LOG_URL says what processes that had it left in the streams, until one of them has counted it", async () => {
  await createFeature(database, "feat_left");
  const settings = jetStreamSettings(nats, `left-${randomBytes(4).toString("hex")}`);
  const ingest = await startTelemetry(database, { fold: false, spanLog: settings });
  await ingest.sendSpans(
    Array.from({ length: 40 }, () => ({ feature: "feat_left", unit: newUnit(), variant: "treatment" })),
  );
  await ingest.stop();

  const origin = await startOrigin({ DATABASE_URL: database.url, ROLES: "admin,evaluate" });
  onTestFinished(async () => void (await origin.end("SIGTERM")));
  const left = async () =>
    Health.parse(await origin.admin("GET", "/health")).findings.filter(({ check }) => check === "span-log");
  expect(await left()).toEqual([
    expect.objectContaining({ summary: expect.stringMatching(/^\d+ blocks .* are not counted, as of/) }),
  ]);
  await waitFor(async () => /blocks of acknowledged telemetry .* are not counted/.test(origin.output()));

  const fold = await startTelemetry(database, { spanLog: settings });
  await fold.folded();
  await fold.stop();
  expect(await left()).toEqual([]);
});

test("the doctor of an origin with the role admin alone names the streams that SPAN_LOG_URL leads to", async () => {
  const origin = await startOrigin({
    DATABASE_URL: database.url,
    ROLES: "admin",
    SPAN_LOG_URL: nats.urls.join(","),
    SPAN_LOG_PREFIX: "seen",
    SPAN_LOG_REPLICAS: "1",
  });
  onTestFinished(async () => void (await origin.end("SIGTERM")));
  const ok = async () =>
    Health.parse(await origin.admin("GET", "/health")).findings.flatMap(({ check, status, summary }) =>
      check === "span-log" && status === "ok" ? [summary] : [],
    );
  await waitFor(async () => (await ok()).length === 4);
  expect(await ok()).toEqual(Array.from({ length: 4 }, () => "all 1 replicas have all blocks"));
});
