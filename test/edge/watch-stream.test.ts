// A watch's answers on their way through a stream: whole and in order, or a failed call.
import { expect, test } from "vitest";
import type { Answered, WatchAnswer } from "../../edge/snapshot/rpc.ts";
import { answersOf, streamAnswers } from "../../edge/snapshot/watch-stream.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { Revision } from "../../shared/ids.ts";
import { feature } from "./support/edge.ts";

/** With characters of several bytes, and a line break in its text. */
const state = {
  ...encodeFeature(FeatureState.parse(feature("feat_a"))),
  gate: JSON.stringify({ note: "Größe\nü" }),
};
const answerAt = (revision: number): WatchAnswer => ({
  revision: Revision.parse(revision),
  change: {
    revision: Revision.parse(revision),
    full: true,
    features: [state],
    removed: [],
  },
  ageMs: 0,
});
const beatAt = (revision: number): WatchAnswer => ({ ...answerAt(revision), change: null });

const lines = (...answers: readonly WatchAnswer[]): Uint8Array =>
  new TextEncoder().encode(answers.map((answer) => `${JSON.stringify(answer)}\n`).join(""));

/** A stream of these bytes, in chunks of `size`. It stays open unless it `ends`. */
const streamOf = (
  bytes: Uint8Array,
  { size = bytes.length, ends = false } = {},
): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start: (controller) => {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      if (ends) controller.close();
    },
  });

const read = async (answered: Answered, count: number, silentMs = 200): Promise<WatchAnswer[]> => {
  const answers: WatchAnswer[] = [];
  for await (const answer of answersOf(Promise.resolve(answered), silentMs)) {
    answers.push(answer);
    if (answers.length === count) break;
  }
  return answers;
};

test.each([1, 2, 7, 64, 100_000])(
  "answers that arrive in pieces of %d bytes are read whole and in order",
  async (size) => {
    const sent = [answerAt(7), beatAt(7), answerAt(8)];
    expect(await read(streamOf(lines(...sent), { size }), 3)).toEqual(sent);
  },
);

test("a place of an older version gives one answer, and the call is over", async () => {
  expect(await read(beatAt(7), 9)).toEqual([beatAt(7)]);
});

const whole = lines(beatAt(7), beatAt(7));
test.each([
  ["ends after a whole answer", streamOf(whole, { ends: true }), "ended"],
  ["ends in the middle of an answer", streamOf(whole.slice(0, -9), { ends: true }), "ended"],
  ["falls silent", streamOf(whole), "more than 200 ms"],
  ["falls silent in the middle of an answer", streamOf(whole.slice(0, -9)), "more than 200 ms"],
  ["brings what is no JSON", streamOf(new TextEncoder().encode("{\n")), "JSON"],
  ["brings what is no answer", streamOf(new TextEncoder().encode('{"revision":7}\n')), "no answer"],
])("a stream that %s is a failed call", async (_, stream, words) => {
  await expect(read(stream, 9)).rejects.toThrow(words);
});

test("an answer builds on those before it, and a reader that leaves ends the writing", async () => {
  const told: unknown[] = [];
  let written: Promise<unknown> = Promise.resolve();
  const stream = streamAnswers(
    { have: Revision.parse(6), closedAtMs: 1 },
    {
      answer: ({ have, closedAtMs }) => {
        told.push([have, closedAtMs]);
        return told.length === 2 ? { ...answerAt(7), closedAtMs: 5 } : beatAt(6);
      },
      news: () => new Promise((resolve) => setTimeout(resolve, 5)),
      waitUntil: (promise) => {
        written = promise;
      },
    },
  );
  expect((await read(stream, 3)).map(({ revision }) => revision)).toEqual([6, 7, 6]);
  await written;
  expect(told.slice(0, 3)).toEqual([
    [6, 1],
    [6, 1],
    [7, 5],
  ]);
});
