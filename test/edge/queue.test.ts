import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import { packedBody, type EdgeSpan, type TracesBody } from "../../edge/observe/otlp.ts";
import { forwardQueued, makePostOrQueue } from "../../edge/observe/queue.ts";

const randomHex = (bytes: number): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");

const spans = (count: number): EdgeSpan[] =>
  Array.from({ length: count }, () => ({
    visit: {
      traceId: randomHex(16),
      parentSpanId: null,
      name: "GET",
      startMs: 0,
      durationMs: 1,
      status: 200,
      unitId: randomHex(128),
      isBot: false,
    },
    spanId: randomHex(8),
    subject: "",
    actionTaken: false,
  }));

const unpackIds = async (packed: Uint8Array): Promise<string[]> => {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(stream).text();
  return [...text.matchAll(/"spanId":"(\w+)"/g)].map(([, id = ""]) => id);
};

const makeQueue = () => {
  const messages: Uint8Array[] = [];
  return {
    messages,
    send: async (message: Uint8Array) => {
      messages.push(message);
      return { metadata: { metrics: { backlogCount: messages.length, backlogBytes: 0 } } };
    },
  };
};

describe.concurrent("telemetry that the origin does not take", () => {
  test.each([200, 400, 401])("a %i is the origin's own answer, and nothing is queued", async (status) => {
    const queue = makeQueue();
    const post = makePostOrQueue({ post: async () => status, queue, now: Date.now });
    expect(await post(spans(3))).toBe(status);
    expect(queue.messages).toEqual([]);
  });

  test("is queued in messages of at most 128 kB, each span once", async () => {
    const queue = makeQueue();
    const post = makePostOrQueue({ post: async () => 503, queue, now: Date.now });
    const batch = spans(2_048);
    expect(await post(batch)).toBe(202);
    expect(queue.messages.length).toBeGreaterThan(1);
    for (const { byteLength } of queue.messages) expect(byteLength).toBeLessThan(128_000);
    const ids = (await Promise.all(queue.messages.map(unpackIds))).flat();
    expect(ids).toEqual(batch.map(({ spanId }) => spanId));
  });

  test("the origin is asked again after ten seconds, not for every batch", async () => {
    let nowMs = 0;
    let asked = 0;
    const fail = async () => {
      asked++;
      throw new Error("connection refused");
    };
    const post = makePostOrQueue({ post: fail, queue: makeQueue(), now: () => nowMs });
    for (nowMs of [0, 1_000, 9_999]) await post(spans(1));
    expect(asked).toBe(1);
    nowMs = 10_000;
    await post(spans(1));
    expect(asked).toBe(2);
  });

  test("stays in the isolate when the queue does not take it either", async () => {
    const queue = { send: () => Promise.reject(new Error("queue is full")) };
    const post = makePostOrQueue({ post: async () => 503, queue, now: Date.now });
    await expect(post(spans(1))).rejects.toThrow("queue is full");
  });
});

describe("the queue's consumer", () => {
  const timestamp = new Date();
  const forward = async (statuses: readonly number[], attempts = 1) => {
    const batch = createMessageBatch<ArrayBuffer>(
      "sluice-telemetry",
      statuses.map((status, i) => ({
        id: String(i),
        timestamp,
        attempts,
        body: Uint8Array.of(status % 256).buffer,
      })),
    );
    // What getQueueResult tells of retries leaves out their delays.
    const retries = batch.messages.map((message) => vi.spyOn(message, "retry"));
    const posted: TracesBody[] = [];
    await forwardQueued(batch, async (traces) => {
      posted.push(traces);
      return statuses[posted.length - 1] ?? 0;
    });
    const result = await getQueueResult(batch, createExecutionContext());
    return { posted, result, delays: retries.map(({ mock }) => mock.calls[0]?.[0]?.delaySeconds) };
  };

  test("acknowledges what the origin takes", async () => {
    const { posted, result } = await forward([200, 200]);
    expect(result.explicitAcks).toEqual(["0", "1"]);
    expect(posted[0]).toEqual(packedBody(Uint8Array.of(200).buffer));
  });

  test("after a failure the rest of the batch waits too, the longer the more often it was tried", async () => {
    const first = await forward([200, 503, 200]);
    expect(first.posted.length).toBe(2);
    expect(first.result.explicitAcks).toEqual(["0"]);
    expect(first.result.retryMessages.map(({ msgId }) => msgId)).toEqual(["1", "2"]);
    expect(first.delays).toEqual([undefined, 2, 2]);
    const later = await forward([0], 60);
    expect(later.delays).toEqual([60]);
  });

  test("drops what the origin will never take, and says so", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const { result } = await forward([400, 200]);
    expect(result.explicitAcks).toEqual(["0", "1"]);
    expect(error).toHaveBeenCalledWith(expect.stringContaining("400"));
    error.mockRestore();
  });
});
