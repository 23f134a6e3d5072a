import { describe, expect, test, vi } from "vitest";
import type { EdgeSpan } from "../../edge/observe/otlp.ts";
import { makeSender } from "../../edge/observe/sender.ts";

const span = (spanId: string): EdgeSpan => ({
  visit: {
    traceId: "t",
    parentSpanId: null,
    name: "GET",
    startMs: 0,
    durationMs: 1,
    status: 200,
    unitId: "unit",
    isBot: false,
  },
  spanId,
  subject: "",
  actionTaken: false,
});

const spans = (count: number): EdgeSpan[] => Array.from({ length: count }, (_, i) => span(String(i)));
const ignore = (): void => undefined;
const now = (): number => Date.now();

describe.concurrent("telemetry", () => {
  test("goes out in batches, each span once", async () => {
    const batches: number[] = [];
    const sender = makeSender(async (batch) => {
      batches.push(batch.length);
      return 200;
    }, now);
    sender.add(spans(4_500), ignore);
    await vi.waitUntil(() => sender.stats().sent === 4_500, 5_000);
    expect(batches).toEqual([2_048, 2_048, 404]);
    expect(sender.stats()).toEqual({ sent: 4_500, dropped: 0, waiting: 0 });
  });

  test.each([500, 503, 429])(
    "waits while the origin answers %i and is sent with the same ids later",
    async (status) => {
      const heard: string[][] = [];
      const sender = makeSender(async (batch) => {
        heard.push(batch.map(({ spanId }) => spanId));
        return heard.length === 1 ? status : 200;
      }, now);
      sender.add(spans(3), ignore);
      await vi.waitUntil(() => sender.stats().sent === 3, 10_000);
      expect(heard).toEqual([
        ["0", "1", "2"],
        ["0", "1", "2"],
      ]);
    },
  );

  test("is dropped and counted when the origin will never take it", async () => {
    const sender = makeSender(async () => 400, now);
    sender.add(spans(3), ignore);
    await vi.waitUntil(() => sender.stats().dropped === 3, 5_000);
  });

  test("drops the oldest first, with a count, when the origin stays away", async () => {
    const heard: string[] = [];
    let away = true;
    const sender = makeSender(async (batch) => {
      if (away) throw new Error("connection refused");
      heard.push(...batch.map(({ spanId }) => spanId));
      return 200;
    }, now);
    sender.add(spans(20_010), ignore);
    expect(sender.stats()).toEqual({ sent: 0, dropped: 10, waiting: 20_000 });
    away = false;
    await vi.waitUntil(() => sender.stats().waiting === 0, 10_000);
    expect(heard[0]).toBe("10");
  });

  test("is taken over by a later request when the one that sent it is gone", async () => {
    let skippedMs = 0;
    let hangs = true;
    const sender = makeSender(
      (batch) => (hangs ? new Promise<never>(ignore) : Promise.resolve(batch.length > 0 ? 200 : 500)),
      () => Date.now() + skippedMs,
    );
    sender.add(spans(1), ignore);
    await new Promise((resolve) => setTimeout(resolve, 600));
    hangs = false;
    skippedMs = 60_000;
    sender.add([span("later")], ignore);
    await vi.waitUntil(() => sender.stats().sent === 2, 10_000);
  });
});
