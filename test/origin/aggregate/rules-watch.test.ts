// Changes of rules are noticed by all loops of a fold process with one question.
import { expect, test } from "vitest";
import { makeRulesWatch } from "../../../origin/aggregate/rules-watch.ts";

const makeWatch = () => {
  let nowMs = 0;
  const answers: (() => Promise<string>)[] = [];
  let asked = 0;
  const watch = makeRulesWatch(
    async () => answers[asked++]?.() ?? `answer ${asked}`,
    () => nowMs,
  );
  return {
    watch,
    asked: () => asked,
    at: (ms: number) => {
      nowMs = ms;
    },
    fails: () => {
      answers[asked] = () => Promise.reject(new Error("the database is away"));
    },
  };
};

test("whoever asks within half a second gets the same answer, also while it is on its way", async () => {
  const { watch, asked, at } = makeWatch();
  expect(await Promise.all([watch(), watch(), watch()])).toEqual(["answer 1", "answer 1", "answer 1"]);
  at(499);
  expect(await watch()).toBe("answer 1");
  at(500);
  expect(await Promise.all([watch(), watch()])).toEqual(["answer 2", "answer 2"]);
  expect(asked()).toBe(2);
});

test("a question that failed is asked again at once", async () => {
  const { watch, asked, fails } = makeWatch();
  fails();
  await expect(watch()).rejects.toThrow("the database is away");
  expect(await watch()).toBe("answer 2");
  expect(asked()).toBe(2);
});
