import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nameMutant } from "../../scripts/mutate/equal-mutants.ts";
import { makeJudge } from "../../scripts/mutate/judge.ts";
import { applyMutant, mutantsOf } from "../../scripts/mutate/mutants.ts";
import { findPureTests, judgesOf } from "../../scripts/mutate/pure-tests.ts";
import { pickSample } from "../../scripts/mutate/sample.ts";

const mutatedTexts = (text: string) =>
  mutantsOf("module.ts", text).map((mutant) => applyMutant(text, mutant));

describe("the mutants of a module", () => {
  test.each([
    ["a comparison is shifted and turned", "f = a < b", ["f = a <= b", "f = a >= b", ";"]],
    ["an operand of a condition is left out", "f = a && b", ["f = a", "f = b", ";"]],
    ["a number is one more or less", "f(1)", ["f(2)", "f(0)", ";"]],
    ["a fraction grows by a tenth", "f(0.5)", ["f(0.55)", ";"]],
    ["a branch is always or never taken", "f(a ? b : c)", ["f(true ? b : c)", "f(false ? b : c)", ";"]],
    ["an element is left out", "f([a, b])", ["f([ b])", "f([a, ])", ";"]],
    ["a property is left out", "f({ a, ...b })", ["f({  ...b })", "f({ a,  })", ";"]],
    ["one cohort is read for the other", "f(a.treatment)", ["f(a.holdout)", ";"]],
    ["a call in a chain is left out", "f(a.filter(b))", ["f(a)", ";"]],
    ["a part of a text is lost", "f(`${a}.${b}`)", ["f(`.${b}`)", "f(`${a}${b}`)", "f(`${a}.`)", ";"]],
    ["an anchor of a pattern is lost", "f(/^a$/)", ["f(/a$/)", "f(/^a/)", ";"]],
    ["a bound of a pattern is off by one", "f(/a{1,3}/)", ["f(/a{1,4}/)", "f(/a{2,3}/)", ";"]],
  ])("%s", (_title, text, expected) => {
    expect(mutatedTexts(text).toSorted()).toEqual(expected.toSorted());
  });

  test("types, imports and prose have none", () => {
    const text = `import { a } from "./a.ts"; type T = 1 | "b"; export const f = (x: T): x is "b" => g(x as "b", "some prose");`;
    expect(mutatedTexts(text)).toEqual([]);
  });

  test("a schema's description has none", () => {
    const text = 'f(z.max().describe(g("x")))';
    expect(mutatedTexts(text)).toEqual([";", 'f(z.describe(g("x")))', 'f(z.min().describe(g("x")))']);
  });

  test("a fallback that only the compiler needs has none, and one that says something has", () => {
    expect(mutatedTexts("f(list[i] ?? 0)")).toEqual([";", "f(0)"]);
    expect(mutatedTexts("f(list[i] ?? 7)")).toContain("f(list[i] ?? 8)");
    expect(mutatedTexts('const [, name = ""] = match')).toEqual([]);
  });

  test("a mutant is named by its whole lines, whatever stands above them", () => {
    const text = "f(1);\n  f(a,\n    b < c);\n";
    const named = mutantsOf("module.ts", text).map((mutant) => nameMutant(text, mutant));
    expect(named).toContainEqual(expect.objectContaining({ line: 3, was: "b < c);", becomes: "b <= c);" }));
    expect(named).toContainEqual(expect.objectContaining({ line: 2, was: "f(a, b < c);", becomes: ";" }));
  });
});

describe("the judge of a module", () => {
  let folder = "";
  const source = "export const half = (n: number): number => { while (n > 9) n -= 9; return n / 2; };";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-mutate-"));
    await writeFile(join(folder, "half.ts"), source);
    await writeFile(
      join(folder, "half.test.ts"),
      `import { expect, test } from "vitest";
       import { half } from "./half.ts";
       test.each([[4, 2], [10, 0.5]])("half", (n, expected) => { expect(half(n)).toBe(expected); });`,
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const judgeAll = async (...mutants: readonly string[]) => {
    const [module, itsTest] = [join(folder, "half.ts"), join(folder, "half.test.ts")];
    const { judge, end } = makeJudge(module, { tests: [itsTest], reaching: [module, itsTest] });
    const fates = [];
    for (const mutant of mutants) fates.push((await judge(mutant, 1)).fate);
    await end();
    return fates;
  };

  test("what a test tells apart is killed, what none tells apart survives, and what never ends is stopped", async () => {
    expect(
      await judgeAll(
        source,
        source.replace("/", "*"),
        source.replace("9)", "8)"),
        source.replace("-=", "+="),
        source,
      ),
    ).toEqual(["survived", "killed", "survived", "endless", "survived"]);
  });

  test("a mutant that does not even load is killed", async () => {
    expect(await judgeAll("throw new Error('no');", "export const other = 1;")).toEqual(["killed", "killed"]);
  });
});

test("the tests of a module are those that reach it and nothing outside", () => {
  const { tests, reaching } = judgesOf("shared/hash.ts", findPureTests());
  expect(tests).toContain("test/shared/hash.test.ts");
  expect(tests).not.toContain("test/edge/ofrep.test.ts");
  expect(reaching).toContain("shared/features/assign.ts");
  expect(reaching).not.toContain("shared/ids.ts");
});

test("a sample is the same for the same seed, and has no mutant twice", () => {
  const all = Array.from({ length: 1_000 }, (_, i) => i);
  const sample = (seed: number) => all.filter(pickSample(all, 100, seed));
  expect(sample(7)).toHaveLength(100);
  expect(sample(7)).toEqual(sample(7));
  expect(sample(7)).not.toEqual(sample(8));
});
