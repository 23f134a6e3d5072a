// Stands in for `vitest` while mutants are judged: collects the tests of a file, which the worker then runs one by one in
// its own thread. `expect` is vitest's own. Tests that use more of vitest (hooks, spies) are not pure and are not run here.
export { expect } from "vitest";

export type CollectedTest = { readonly title: string; readonly run: () => unknown };

let collected: CollectedTest[] = [];
let titles: readonly string[] = [];

/** The tests that were declared since the last call. */
export const takeTests = (): CollectedTest[] => {
  const taken = collected;
  collected = [];
  return taken;
};

type Body = (...row: readonly unknown[]) => unknown;

const isBody = (value: unknown): value is Body => typeof value === "function";

const declare = (title: string, run: () => unknown): void => {
  collected.push({ title: [...titles, title].join(" > "), run });
};

/** `test(title, body)`, or `test(title, options, body)`. */
const bodyOf = (options: unknown, body?: Body): Body => {
  const found = isBody(options) ? options : body;
  if (found === undefined) throw new Error("a test has no body");
  return found;
};

/** The row itself is the argument; `each` spreads one that is an array. */
const forEachOf =
  (spread: boolean) =>
  (table: readonly unknown[]) =>
  (title: string, options: unknown, body?: Body): void => {
    const run = bodyOf(options, body);
    for (const [at, row] of table.entries())
      declare(`${title} #${at}`, () => run(...(spread && Array.isArray(row) ? row : [row])));
  };

export const test = Object.assign(
  (title: string, options: unknown, body?: Body): void => declare(title, () => bodyOf(options, body)()),
  { each: forEachOf(true), for: forEachOf(false) },
);

const within = (title: string, body: () => void): void => {
  titles = [...titles, title];
  body();
  titles = titles.slice(0, -1);
};

export const describe = Object.assign(within, {
  each:
    (table: readonly unknown[]) =>
    (title: string, body: Body): void => {
      for (const [at, row] of table.entries())
        within(`${title} #${at}`, () => void body(...(Array.isArray(row) ? row : [row])));
    },
});
