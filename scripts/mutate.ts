// `npm run mutate -- [path…] [--sample N] [--seed N] [--workers N]`: changes one word of a pure module at a time and runs
// the tests of that module. Exit 1 when a mutant survives that is not listed as equal (scripts/mutate/equal-mutants.json),
// when a listed one is gone or killed, or when less than 90 % of all are killed.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { nameMutant, readEqualMutants, type NamedMutant } from "./mutate/equal-mutants.ts";
import { makeJudge, type Fate } from "./mutate/judge.ts";
import { findModules } from "./mutate/modules.ts";
import { applyMutant, mutantsOf } from "./mutate/mutants.ts";
import { findPureTests, judgesOf } from "./mutate/pure-tests.ts";
import { pickSample } from "./mutate/sample.ts";

const LEAST_SCORE = 0.9;
/** Processor time of a mutant's tests, beside that of the original's: what takes longer never ends. */
const LEAST_LIMIT_S = 1;
const LIMIT_FACTOR = 3;
const UNMUTATED_LIMIT_S = 120;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});
const numberOf = (name: string, text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a positive integer`);
  return value;
};
const seed = numberOf("seed", values.seed);
const workers = numberOf("workers", values.workers);

type Job = { readonly path: string; readonly text: string; readonly mutants: readonly NamedMutant[] };
type Judged = { readonly path: string; readonly mutant: NamedMutant; readonly fate: Fate["fate"] };

const modules = findModules(positionals);
if (modules.length === 0) throw new Error(`no pure module begins with ${positionals.join(" or ")}`);
const all = modules.map((path): Job => {
  const text = readFileSync(path, "utf8");
  return { path, text, mutants: mutantsOf(path, text).map((mutant) => nameMutant(text, mutant)) };
});
const everyMutant = all.flatMap(({ path, mutants }) => mutants.map((mutant) => ({ path, mutant })));
const isPicked = pickSample(
  everyMutant.map(({ mutant }) => mutant),
  values.sample === undefined ? Infinity : numberOf("sample", values.sample),
  seed,
);
const pending = all
  .map((job) => ({ ...job, mutants: job.mutants.filter(isPicked) }))
  .filter(({ mutants }) => mutants.length > 0)
  .toSorted((one, other) => other.mutants.length - one.mutants.length);

const tests = findPureTests();
const equal = readEqualMutants();
const isListed = (path: string, { was, becomes }: NamedMutant): boolean =>
  equal[path]?.some((listed) => listed.was === was && listed.becomes === becomes) ?? false;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const unjudged: string[] = [];

const judgeModule = async ({ path, text, mutants }: Job): Promise<Judged[]> => {
  const judges = judgesOf(path, tests);
  if (judges.tests.length === 0) {
    say(`${path}: no pure test reaches it`);
    return mutants.map((mutant) => ({ path, mutant, fate: "survived" }));
  }
  const { judge, end } = makeJudge(path, judges);
  const begun = performance.now();
  const intact = await judge(text, UNMUTATED_LIMIT_S);
  if (intact.fate !== "survived") {
    say(`${path}: its tests fail without a mutant: ${intact.text}`);
    unjudged.push(path);
    await end();
    return [];
  }
  const limitSeconds = LEAST_LIMIT_S + intact.cpuSeconds * LIMIT_FACTOR;
  const judged: Judged[] = [];
  for (const mutant of mutants) {
    const { fate } = await judge(applyMutant(text, mutant), limitSeconds);
    judged.push({ path, mutant, fate });
  }
  await end();
  const counts = { survived: 0, killed: 0, endless: 0 };
  for (const { fate } of judged) counts[fate]++;
  say(
    `${path}: ${judged.length} mutants, ${counts.killed} killed, ${counts.endless} endless, ${counts.survived} survived, ${((performance.now() - begun) / 1_000).toFixed(1)} s`,
  );
  return judged;
};

const judged: Judged[] = [];
const work = async (): Promise<void> => {
  for (let job = pending.shift(); job !== undefined; job = pending.shift())
    judged.push(...(await judgeModule(job)));
};
const begun = performance.now();
await Promise.all(Array.from({ length: workers }, work));

const survivors = judged.filter(({ fate }) => fate === "survived");
const unlisted = survivors.filter(({ path, mutant }) => !isListed(path, mutant));
const killedAfterAll = judged.filter(
  ({ path, mutant, fate }) => fate !== "survived" && isListed(path, mutant),
);
const stale = modules.flatMap((path) =>
  (equal[path] ?? [])
    .filter(({ was, becomes }) =>
      everyMutant.every(
        (one) => one.path !== path || one.mutant.was !== was || one.mutant.becomes !== becomes,
      ),
    )
    .map(({ was, becomes }) => ({ path, was, becomes })),
);

const show = (title: string, mutants: readonly { path: string; was: string; becomes: string }[]): void => {
  if (mutants.length === 0) return;
  say(`\n${title}`);
  for (const { path, was, becomes } of mutants) say(`${path}\n  - ${was}\n  + ${becomes}`);
};
const named = (found: readonly Judged[]) =>
  found.map(({ path, mutant }) => ({
    path: `${path}:${mutant.line}`,
    was: mutant.was,
    becomes: mutant.becomes,
  }));
show("Survived, and not listed as equal:", named(unlisted));
show("Listed as equal, and killed (take it off the list):", named(killedAfterAll));
show("Listed as equal, and no mutant any more (take it off the list):", stale);

const score = 1 - survivors.length / judged.length;
say(
  `\n${judged.length} mutants of ${all.length} modules in ${((performance.now() - begun) / 1_000).toFixed(0)} s: ${(score * 100).toFixed(1)} % killed, ${survivors.length} survived (${survivors.length - unlisted.length} listed as equal)`,
);
// A module of a few short cuts may lie below it; all of them together may not.
const isTooLow = positionals.length === 0 && score < LEAST_SCORE;
if (isTooLow) say(`At least ${LEAST_SCORE * 100} % have to be killed.`);
if (unjudged.length > 0) say(`Not judged, since the tests fail without a mutant: ${unjudged.join(", ")}.`);
const wrong = unlisted.length + killedAfterAll.length + stale.length + unjudged.length;
process.exitCode = isTooLow || wrong > 0 ? 1 : 0;
