import { describe, expect, test, vi } from "vitest";
import { encodeFeatureAttributes } from "../../edge/telemetry/otlp-encoding.ts";
import type { RequestSpans } from "../../edge/telemetry/span-writer.ts";
import { makeExporter } from "../../edge/telemetry/exporter.ts";

/** `count` spans of one request; the features are numbered from `from` on. */
const spansOf = (count: number, from = 0): RequestSpans => ({
  parent: null,
  name: "GET",
  startMs: 1_790_000_000_000,
  durationMs: 1,
  status: 200,
  unitId: "unit",
  isBot: false,
  captchaScore: null,
  features: Array.from({ length: count }, (_, i) => ({
    attributes: encodeFeatureAttributes(`feat_${from + i}_`, "treatment", 1),
    activated: false,
  })),
});

const ignore = (): void => undefined;
const now = (): number => Date.now();
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
const names = (body: Uint8Array, feature: number): boolean =>
  new TextDecoder("latin1").decode(body).includes(`feat_${feature}_`);

describe.concurrent("the exporter", () => {
  test("sends batches that fit a queue's message, and each span once", async () => {
    const batches: { spans: number; bytes: number }[] = [];
    const post = async ({ body, spans }: { body: Uint8Array; spans: number }) => {
      batches.push({ spans, bytes: body.length });
      return 200;
    };
    const exporter = makeExporter({ post, now, random });
    exporter.add(spansOf(4_500), ignore);
    await vi.waitUntil(() => exporter.stats().waiting === 0, 5_000);
    expect(exporter.stats()).toEqual({ sent: 4_500, dropped: 0, waiting: 0 });
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
        return heard.length === 1 ? status : 200;
      };
      const exporter = makeExporter({ post, now, random });
      exporter.add(spansOf(3), ignore);
      await vi.waitUntil(() => exporter.stats().sent === 3, 10_000);
      expect(heard).toHaveLength(2);
      expect(heard[1]).toEqual(heard[0]);
    },
  );

  test("drops and counts spans that the origin will never take", async () => {
    const exporter = makeExporter({ post: async () => 400, now, random });
    exporter.add(spansOf(3), ignore);
    await vi.waitUntil(() => exporter.stats().dropped === 3, 5_000);
  });

  test("drops and counts the oldest spans while the origin stays away", async () => {
    const heard: Uint8Array[] = [];
    let away = true;
    const post = async ({ body }: { body: Uint8Array }) => {
      if (away) throw new Error("connection refused");
      heard.push(body);
      return 200;
    };
    const exporter = makeExporter({ post, now, random });
    for (let i = 0; i < 40; i++) exporter.add(spansOf(1_000, i * 1_000), ignore);
    const kept = exporter.stats();
    expect(kept.waiting).toBeGreaterThan(15_000);
    expect(kept.waiting).toBeLessThan(20_000);
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
      post: ({ spans }) => (hangs ? new Promise<never>(ignore) : Promise.resolve(spans > 0 ? 200 : 500)),
      now: () => Date.now() + skippedMs,
      random,
    });
    exporter.add(spansOf(1), ignore);
    await new Promise((resolve) => setTimeout(resolve, 600));
    hangs = false;
    skippedMs = 60_000;
    exporter.add(spansOf(1), ignore);
    await vi.waitUntil(() => exporter.stats().sent === 2, 10_000);
  });
});
