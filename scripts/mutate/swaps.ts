// Which token takes the place of which. A swap that no test could tell apart is left out; what is equal only here and
// there stands in equal-mutants.json with its reason.

export const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "**": ["*"],
  "&": ["|"],
  "|": ["&"],
  "^": ["|"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
};

export const ASSIGNMENTS: Readonly<Record<string, string>> = {
  "+=": "-=",
  "-=": "+=",
  "*=": "/=",
  "/=": "*=",
  "|=": "&=",
  "&=": "|=",
  "??=": "=",
};

/** Properties and methods, each read in place of the other: what differs is one word. */
const PAIRS = [
  ["treatment", "holdout"],
  ["n", "s"],
  ["alpha", "beta"],
  ["lower", "upper"],
  ["activation", "retention"],
  ["latency", "errorRate"],
  ["rolloutBps", "holdoutBps"],
  ["logEvidence", "logBar"],
  ["min", "max"],
  ["floor", "ceil"],
  ["some", "every"],
  ["find", "findLast"],
  ["findIndex", "findLastIndex"],
  ["startsWith", "endsWith"],
  ["toUpperCase", "toLowerCase"],
] as const;

export const NAMES: ReadonlyMap<string, string> = new Map([
  ...PAIRS.flatMap(([one, other]): [string, string][] => [
    [one, other],
    [other, one],
  ]),
  ["round", "floor"],
  ["trunc", "round"],
  ["log1p", "log"],
  ["expm1", "exp"],
  ["strictObject", "object"],
  ["replaceAll", "replace"],
]);

/** Methods whose call may be left out: `list.filter(test)` becomes `list`, `schema.min(1)` becomes `schema`. */
export const DROPPABLE: ReadonlySet<string> = new Set(
  "filter slice toSorted toReversed trim toLowerCase toUpperCase replace replaceAll min max int positive regex refine optional nullable default partial transform padStart".split(
    " ",
  ),
);
