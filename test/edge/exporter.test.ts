import { describe, expect, inject, test, vi } from "vitest";
import { encodeFeatureAttributes } from "../../edge/telemetry/otlp-encoding.ts";
import { answerOf, makePostTraces } from "../../edge/telemetry/post-traces.ts";
import type { RequestSpans } from "../../edge/telemetry/span-writer.ts";
import { makeExporter } from "../../edge/telemetry/exporter.ts";
import { recorded } from "./support/edge.ts";

/** `count` spans of one request; the features are numbered from `from` on. */
const spansOf = (count: number, from = 0): RequestSpans => ({
  parent: null,
  name: "GET",
  startMs: 1_790_000_000_000,
  says: "exposure",
  unitId: "unit",
  network: null,
  isBot: false,
  captchaScore: null,
  features: Array.from({ length: count }, (_, i) =>
    encodeFeatureAttributes(`feat_${from + i}_`, "treatment", 1),
  ),
});

const ignore = (): void => undefined;
const now = (): number => Date.now();
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
const setting = { now, random, region: "weur", warn: ignore };

/** `sluice.dropped_spans` of a batch: five bytes, behind the attribute's name and a tag and length of its value. */
const droppedIn = (body: Uint8Array): number => {
  const name = "sluice.dropped_spans";
  const at = new TextDecoder("latin1").decode(body).indexOf(name) + name.length + 3;
  return body.subarray(at, at + 5).reduceRight((sum, byte) => sum * 128 + (byte & 0x7f), 0);
};

const names = (body: Uint8Array, feature: number): boolean =>
  new TextDecoder("latin1").decode(body).includes(`feat_${feature}_`);

describe.concurrent("the exporter", () => {
  test("sends batches that fit a queue's message, and each span once", async () => {
    const batches: { spans: number; bytes: number }[] = [];
    const post = async ({ body, spans }: { body: Uint8Array; spans: number }) => {
      batches.push({ spans, bytes: body.length });
      return answerOf(200);
    };
    const exporter = makeExporter({ ...setting, post });
    exporter.add(spansOf(4_500), ignore);
    await vi.waitUntil(() => exporter.stats().waiting === 0, 5_000);
    expect(exporter.stats()).toEqual({ sent: 4_500, refused: 0, dropped: 0, waiting: 0 });
    expect(batches.reduce((sum, { spans }) => sum + spans, 0)).toBe(4_500);
    expect(batches.length).toBeGreaterThan(2);
    expect(Math.max(...batches.map(({ bytes }) => bytes))).toBeLessThan(120_000);
  });

  test.each([500, 503, 429])(
    "waits while the origin answers %i, and sends the same ids later",
    async (status) => {
      const heard: Uint8Array[] = [];
      const post = async ({ body }: { body: Uint8Array }) => {
        heard.push(body);
        return answerOf(heard.length === 1 ? status : 200);
      };
      const exporter = makeExporter({ ...setting, post });
      exporter.add(spansOf(3), ignore);
      await vi.waitUntil(() => exporter.stats().sent === 3, 10_000);
      expect(heard).toHaveLength(2);
      expect(heard[1]).toEqual(heard[0]);
    },
  );

  test("counts spans of a batch that the origin will never take, says so, and tells it with the next batch", async () => {
    const bodies: Uint8Array[] = [];
    const said: string[] = [];
    const exporter = makeExporter({
      ...setting,
      post: async ({ body }) => answerOf(bodies.push(body) === 1 ? 400 : 200),
      warn: (text) => said.push(text),
    });
    exporter.add(spansOf(3), ignore);
    await vi.waitUntil(() => exporter.stats().refused === 3, 5_000);
    exporter.add(spansOf(2), ignore);
    await vi.waitUntil(() => exporter.stats().sent === 2, 5_000);
    expect(exporter.stats()).toEqual({ sent: 2, refused: 3, dropped: 0, waiting: 0 });
    expect(said).toEqual([expect.stringMatching(/refused 3 spans with status 400/)]);
    expect(bodies.map(droppedIn)).toEqual([0, 3]);
  });

  test("reads which spans of a batch that was taken will never count", async () => {
    const bodies: Uint8Array[] = [];
    const said: string[] = [];
    const exporter = makeExporter({
      ...setting,
      post: async ({ body }) =>
        bodies.push(body) === 1 ? { status: 200, rejected: 2, reason: "unknown variant" } : answerOf(200),
      warn: (text) => said.push(text),
    });
    exporter.add(spansOf(5), ignore);
    await vi.waitUntil(() => exporter.stats().refused === 2, 5_000);
    exporter.add(spansOf(1), ignore);
    await vi.waitUntil(() => exporter.stats().sent === 4, 5_000);
    expect(said).toEqual(["the origin refused 2 of 5 spans: unknown variant"]);
    expect(bodies.map(droppedIn)).toEqual([0, 2]);
  });

  test("tells of each dropped span once, also when the batch that told of it is dropped itself", async () => {
    const bodies: Uint8Array[] = [];
    let away = true;
    const exporter = makeExporter({
      ...setting,
      post: async ({ body }) => {
        if (away) throw new Error("connection refused");
        bodies.push(body);
        return answerOf(200);
      },
    });
    for (let i = 0; i < 90; i++) exporter.add(spansOf(1_000), ignore);
    away = false;
    await vi.waitUntil(() => exporter.stats().waiting === 0, 20_000);
    exporter.add(spansOf(1), ignore);
    await vi.waitUntil(() => exporter.stats().waiting === 0, 5_000);
    const told = bodies.map(droppedIn).reduce((a, b) => a + b, 0);
    expect(exporter.stats().dropped).toBeGreaterThan(40_000);
    expect(told).toBe(exporter.stats().dropped);
  });

  test("drops and counts the oldest spans while the origin stays away", async () => {
    const heard: Uint8Array[] = [];
    let away = true;
    const post = async ({ body }: { body: Uint8Array }) => {
      if (away) throw new Error("connection refused");
      heard.push(body);
      return answerOf(200);
    };
    const exporter = makeExporter({ ...setting, post });
    for (let i = 0; i < 40; i++) exporter.add(spansOf(1_000, i * 1_000), ignore);
    const kept = exporter.stats();
    expect(kept.waiting).toBeGreaterThan(15_000);
    expect(kept.waiting).toBeLessThan(25_000);
    expect(kept.dropped + kept.waiting).toBe(40_000);
    away = false;
    await vi.waitUntil(() => exporter.stats().waiting === 0, 20_000);
    const { sent, dropped } = exporter.stats();
    expect(sent).toBeGreaterThan(15_000);
    expect(sent + dropped).toBe(40_000);
    expect(heard.some((body) => names(body, 0))).toBe(false);
    expect(names(heard.at(-1) ?? new Uint8Array(), 39_999)).toBe(true);
  });

  test("goes on with a later request when the one that sent spans is gone", async () => {
    let skippedMs = 0;
    let hangs = true;
    const exporter = makeExporter({
      post: ({ spans }) =>
        hangs ? new Promise<never>(ignore) : Promise.resolve(answerOf(spans > 0 ? 200 : 500)),
      ...setting,
      now: () => Date.now() + skippedMs,
    });
    exporter.add(spansOf(1), ignore);
    await new Promise((resolve) => setTimeout(resolve, 600));
    hangs = false;
    skippedMs = 60_000;
    exporter.add(spansOf(1), ignore);
    await vi.waitUntil(() => exporter.stats().sent === 2, 10_000);
  });

  test("sends all that waits in one go when the origin is back, also from a request that is some seconds old", async () => {
    let skippedMs = 0;
    let away = true;
    const exporter = makeExporter({
      ...setting,
      now: () => Date.now() + skippedMs,
      post: async () => {
        if (away) throw new Error("connection refused");
        return answerOf(200);
      },
    });
    for (let i = 0; i < 20; i++) exporter.add(spansOf(1_000), ignore);
    await new Promise((resolve) => setTimeout(resolve, 50));
    skippedMs = 10_000;
    away = false;
    await vi.waitUntil(() => exporter.stats().waiting === 0, 8_000);
    expect(exporter.stats().sent).toBeGreaterThan(15_000);
  });

  test("loses and repeats nothing while the origin acknowledges after 6 s", async () => {
    const ORIGIN_URL = `${inject("outsideUrl")}/late`;
    const post = makePostTraces({ ORIGIN_URL, INGEST_TOKEN: "token" });
    let most = 0;
    let underWay = 0;
    const exporter = makeExporter({
      ...setting,
      region: "starved",
      post: async ({ body }) => {
        most = Math.max(most, ++underWay);
        return post(body).finally(() => underWay--);
      },
    });
    const added = 4_000;
    for (let from = 0; from < added; from += 40) {
      exporter.add(spansOf(40, from), ignore);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await vi.waitUntil(() => exporter.stats().waiting === 0, 30_000);
    expect(exporter.stats()).toEqual({ sent: added, refused: 0, dropped: 0, waiting: 0 });
    expect(most).toBeLessThanOrEqual(8);
    const bodies = (await recorded("/late/v1/traces")).map(({ body }) => body);
    const features = bodies.flatMap((body) => body.match(/feat_\d+_/g) ?? []);
    expect(features).toHaveLength(added);
    expect(new Set(features).size).toBe(added);
  });

  test("asks an origin that is away with one batch at a time, at most once a second", async () => {
    const triedAt: number[] = [];
    let away = true;
    const exporter = makeExporter({
      ...setting,
      post: async () => {
        triedAt.push(Date.now());
        if (away) throw new Error("connection refused");
        return answerOf(200);
      },
    });
    exporter.add(spansOf(1), ignore);
    await vi.waitUntil(() => triedAt.length === 1, 5_000);
    for (let i = 0; i < 20; i++) {
      exporter.add(spansOf(400, i * 400), ignore);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    away = false;
    const gaps = triedAt.slice(1).map((atMs, i) => atMs - (triedAt[i] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
    await vi.waitUntil(() => exporter.stats().waiting === 0, 10_000);
    expect(exporter.stats()).toMatchObject({ sent: 8_001, dropped: 0 });
  });
});
