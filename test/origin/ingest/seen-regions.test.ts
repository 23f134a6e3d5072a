// The region of a resource, and what its edges have lost: from the request to the table and the metric.
import { afterAll, describe, expect, test } from "vitest";
import { readProtobuf } from "../../../origin/ingest/otlp-protobuf.ts";
import { makeSeenRegions } from "../../../origin/ingest/seen-regions.ts";
import { SpanBatch } from "../../../origin/ingest/span-batch.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
import { encodeRequest } from "../../fuzz/bodies.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { createFeature, startTelemetry } from "../../support/telemetry.ts";

const database = await makeTestDatabase();
const telemetry = await startTelemetry(database, { fold: false });
afterAll(async () => {
  await telemetry.stop();
  await database.drop();
});

type Value = { stringValue?: string; intValue?: number; boolValue?: boolean };
const resourceSpans = (attributes: Record<string, Value>, spans: object[] = []) => ({
  resource: { attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })) },
  scopeSpans: [{ spans }],
});
const from = (region: string, dropped?: number) =>
  resourceSpans({
    "service.name": { stringValue: "sluice-edge" },
    "cloud.region": { stringValue: region },
    ...(dropped === undefined ? {} : { "sluice.dropped_spans": { intValue: dropped } }),
  });

const stored = async () => {
  const { rows } = await database.pool.query<{ region: string; dropped: number }>(
    "select region, dropped_spans as dropped from telemetry_regions order by region",
  );
  return Object.fromEntries(rows.map(({ region, dropped }) => [region, dropped]));
};
const metric = async (metrics = telemetry.metrics) =>
  Object.fromEntries(
    (await metrics.edgeDroppedSpans.get()).values.map(({ labels, value }) => [labels.region, value]),
  );

test("regions of acknowledged requests are recorded, with the spans that their edges have lost", async () => {
  await createFeature(database, "feat_region");
  const send = async (body: string | Uint8Array<ArrayBuffer>, type: string) =>
    (await telemetry.send("/v1/traces", body, { "content-type": type })).status;
  const request = { resourceSpans: [from("weur", 3), from("enam"), from("weur", 4), resourceSpans({})] };
  expect(await send(JSON.stringify(request), "application/json")).toBe(200);
  expect(await send(new Uint8Array(encodeRequest(request)), "application/x-protobuf")).toBe(200);
  expect(await send('{"resourceSpans":[{"resource":1}]}', "application/json")).toBe(200);
  await telemetry.writeRegions();
  await telemetry.writeRegions();
  expect(await stored()).toEqual({ enam: 0, weur: 14 });
  expect(await metric()).toEqual({ weur: 14 });
});

describe("a resource", () => {
  const read = (attributes: Record<string, Value>) => {
    const batch = new SpanBatch(() => true);
    const body = encodeRequest({ resourceSpans: [resourceSpans(attributes)] });
    expect(readProtobuf(body, "traces", batch)).toBeNull();
    return batch.resources;
  };
  const region = { "cloud.region": { stringValue: "weur" } };

  test.each([
    ["a count below zero", { intValue: -1 }],
    ["a count beyond what can be", { intValue: 1_000_000_001 }],
    ["a text as count", { stringValue: "7" }],
  ])("with %s has lost nothing", (_, value) => {
    expect(read({ ...region, "sluice.dropped_spans": value })).toEqual([{ region: "weur", droppedSpans: 0 }]);
  });

  test.each([
    ["no text", { intValue: 7 }],
    ["an empty text", { stringValue: "" }],
    ["a text with a space", { stringValue: "west europe" }],
    ["a text beyond ASCII", { stringValue: "süd" }],
    ["65 letters", { stringValue: "r".repeat(65) }],
  ])("whose region is %s has none", (_, value) => {
    expect(read({ "cloud.region": value, "sluice.dropped_spans": { intValue: 7 } })).toEqual([]);
  });
});

test("regions that could not be stored are stored with the next ones; made-up names have an end", async () => {
  const metrics = makeMetrics();
  let broken = true;
  const db = {
    query: (...all: unknown[]) =>
      broken
        ? Promise.reject(new Error("away"))
        : (database.pool.query as (...args: unknown[]) => unknown)(...all),
  };
  const regions = makeSeenRegions(db as never, metrics);
  regions.add([{ region: "apac", droppedSpans: 2 }]);
  await expect(regions.write()).rejects.toThrow("away");
  broken = false;
  regions.add([{ region: "apac", droppedSpans: 5 }]);
  await regions.write();
  expect(await stored()).toMatchObject({ apac: 7 });
  regions.add(Array.from({ length: 1_200 }, (_, n) => ({ region: `made-up-${n}`, droppedSpans: 1 })));
  await database.pool.query("truncate telemetry_regions");
  await regions.write();
  expect(Object.keys(await stored())).toHaveLength(1_000);
  regions.add([{ region: "new", droppedSpans: 1 }]);
  const labels = await metric(metrics);
  expect([Object.keys(labels).length, labels["other"]]).toEqual([1_001, 2]);
});
