import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import type { Batch } from "../../edge/telemetry/span-writer.ts";
import { answerOf } from "../../edge/telemetry/post-traces.ts";
import { forwardQueued, makePostOrQueue } from "../../edge/telemetry/queue.ts";

const batchOf = (...bytes: number[]): Batch => ({ body: Uint8Array.from(bytes), spans: 1, droppedSpans: 0 });

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
  test.each([200, 400, 401])(
    "with status %i is not queued: it is taken, or refused for good",
    async (status) => {
      const queue = makeQueue();
      const post = makePostOrQueue({ post: async () => answerOf(status), queue, now: Date.now });
      expect((await post(batchOf(1))).status).toBe(status);
      expect(queue.messages).toEqual([]);
    },
  );

  test("is queued, one batch a message", async () => {
    const queue = makeQueue();
    const post = makePostOrQueue({ post: async () => answerOf(503), queue, now: Date.now });
    expect((await post(batchOf(1, 2))).status).toBe(202);
    expect((await post(batchOf(3))).status).toBe(202);
    expect(queue.messages).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3)]);
  });

  test("goes to the origin again after ten seconds, and to the queue until then", async () => {
    let nowMs = 0;
    let asked = 0;
    const fail = async () => {
      asked++;
      throw new Error("connection refused");
    };
    const post = makePostOrQueue({ post: fail, queue: makeQueue(), now: () => nowMs });
    for (nowMs of [0, 1_000, 9_999]) await post(batchOf(1));
    expect(asked).toBe(1);
    nowMs = 10_000;
    await post(batchOf(1));
    expect(asked).toBe(2);
  });

  test("stays in the isolate when the queue does not take it either", async () => {
    const queue = { send: () => Promise.reject(new Error("queue is full")) };
    const post = makePostOrQueue({ post: async () => answerOf(503), queue, now: Date.now });
    await expect(post(batchOf(1))).rejects.toThrow("queue is full");
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
    const posted: BufferSource[] = [];
    await forwardQueued(batch, async (body) => {
      posted.push(body);
      return answerOf(statuses[posted.length - 1] ?? 0);
    });
    const result = await getQueueResult(batch, createExecutionContext());
    return { posted, result, delays: retries.map(({ mock }) => mock.calls[0]?.[0]?.delaySeconds) };
  };

  test("acknowledges the messages that the origin takes", async () => {
    const { posted, result } = await forward([200, 200]);
    expect(result.explicitAcks).toEqual(["0", "1"]);
    expect(posted[0]).toEqual(Uint8Array.of(200).buffer);
  });

  test("lets the rest of a batch wait after a failure, the longer the more often it was tried", async () => {
    const first = await forward([200, 503, 200]);
    expect(first.posted.length).toBe(2);
    expect(first.result.explicitAcks).toEqual(["0"]);
    expect(first.result.retryMessages.map(({ msgId }) => msgId)).toEqual(["1", "2"]);
    expect(first.delays).toEqual([undefined, 2, 2]);
    const later = await forward([0], 60);
    expect(later.delays).toEqual([60]);
  });

  test("drops a message that the origin will never take, and logs it", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const { result } = await forward([400, 200]);
    expect(result.explicitAcks).toEqual(["0", "1"]);
    expect(error).toHaveBeenCalledWith(expect.stringContaining("400"));
    error.mockRestore();
  });
});
