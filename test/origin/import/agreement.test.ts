// What an import claims to keep is asked of the other system's own evaluator: on random features and users, imported
// targeting holds for nobody for whom theirs does not, and for everybody where nothing was dropped.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { importFlagd } from "../../../origin/import/flagd.ts";
import { importGrowthBook } from "../../../origin/import/growthbook.ts";
import type { Imported } from "../../../origin/import/imported.ts";
import { importUnleash } from "../../../origin/import/unleash.ts";
import { compileTargeting } from "../../../shared/features/compile-targeting.ts";
import { loadPeers, type Attributes, type Peer } from "../../support/peers.ts";

const peers = loadPeers();

const words = ["a", "b", "ab", "basic", "pro", "@x.com", "me@x.com", "null"];
const word = fc.constantFrom(...words);
const versions = ["1.2.3", "1.10.0", "2.0.0-beta.1", "2.0.0", "0.9.9"];
const users: fc.Arbitrary<Attributes> = fc.record(
  {
    userId: fc.constantFrom("u1", "u2", "u3"),
    country: fc.constantFrom("DE", "AT", "US"),
    plan: word,
    age: fc.constantFrom(-1, 0, 1, 17, 18, 19.5),
    premium: fc.boolean(),
    tags: fc.subarray(["a", "b", "pro"]),
    version: fc.constantFrom(...versions),
  },
  { requiredKeys: [] },
);
const ATTRIBUTES = ["userId", "country", "plan", "age", "premium", "tags", "version"];

const names = {};

/** Whether Sluice targets the user. */
const targeted = (imported: Imported): Peer => {
  const { targeting = null } = imported.fields ?? {};
  if (targeting === null) return () => imported.fields !== null;
  const holds = compileTargeting(targeting);
  return (user) => {
    const claims = (name: string) => {
      const value = user[name === "sub" ? "userId" : name];
      return value === undefined ? [] : Array.isArray(value) ? value.map(String) : [String(value)];
    };
    return holds({
      country: () => claims("country")[0] ?? null,
      path: () => "/",
      device: () => null,
      header: () => null,
      cookie: () => null,
      claim: claims,
    });
  };
};

type Seen = { readonly kept: number; readonly on: number };

/** Holds both to the rule; counts what was compared, so that a generator that never gets anywhere is noticed. */
const agree = (imported: Imported, peer: Peer, some: readonly Attributes[], seen: Seen): Seen => {
  const sluice = targeted(imported);
  const isWhole = imported.notes.every(({ outcome }) => outcome !== "dropped");
  let { kept, on } = seen;
  for (const user of some) {
    const theirs = peer(user);
    const ours = sluice(user);
    if (ours) expect({ user, theirs }).toEqual({ user, theirs: true });
    const hasAll = ATTRIBUTES.every((name) => user[name] !== undefined);
    if (isWhole && hasAll) expect({ user, ours }).toEqual({ user, ours: theirs });
    if (isWhole && hasAll) kept += 1;
    if (ours) on += 1;
  }
  return { kept, on };
};

const firstOf = (read: { ok: true; value: Imported[] } | { ok: false; error: string }): Imported => {
  if (!read.ok) throw new Error(read.error);
  const [first] = read.value;
  if (first === undefined) throw new Error("nothing was imported");
  return first;
};

const RUNS = { numRuns: 400 };
const some = fc.array(users, { minLength: 1, maxLength: 12 });
const whole = fc.array(
  users.filter((user) => ATTRIBUTES.every((name) => user[name] !== undefined)),
  { minLength: 1, maxLength: 12 },
);
const asked = fc.tuple(some, whole).map(([a, b]) => a.concat(b));

const check = <T>(
  definitions: fc.Arbitrary<T>,
  importOne: (definition: T) => Imported,
  peerOf: (definition: T) => Peer,
): void => {
  let seen: Seen = { kept: 0, on: 0 };
  fc.assert(
    fc.property(definitions, asked, (definition, given) => {
      seen = agree(importOne(definition), peerOf(definition), given, seen);
    }),
    RUNS,
  );
  expect(seen.kept).toBeGreaterThan(500);
  expect(seen.on).toBeGreaterThan(300);
};

describe("Unleash", () => {
  const values = fc.array(word, { maxLength: 3 });
  const constraint = fc
    .oneof(
      { weight: 3, arbitrary: fc.record({ contextName: fc.constantFrom("plan", "country"), operator: fc.constantFrom("IN", "NOT_IN"), values: fc.oneof(values, fc.subarray(["DE", "AT"])) }) },
      { weight: 2, arbitrary: fc.record({ contextName: fc.constant("plan"), operator: fc.constantFrom("STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH"), values }) },
      { weight: 2, arbitrary: fc.record({ contextName: fc.constant("age"), operator: fc.constantFrom("NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"), value: fc.constantFrom("0", "18", "1e1", "x") }) },
      { weight: 2, arbitrary: fc.record({ contextName: fc.constant("version"), operator: fc.constantFrom("SEMVER_EQ", "SEMVER_GT", "SEMVER_LT", "SEMVER_GTE", "SEMVER_LTE"), value: fc.constantFrom(...versions) }) },
      { weight: 1, arbitrary: fc.record({ contextName: fc.constant("plan"), operator: fc.constant("REGEX"), value: fc.constant("^a") }) },
      { weight: 1, arbitrary: fc.record({ contextName: fc.constant("plan"), operator: fc.constant("STR_CONTAINS"), values: fc.constant(["A"]), caseInsensitive: fc.constant(true) }) },
      { weight: 1, arbitrary: fc.record({ contextName: fc.constant("plan"), operator: fc.constant("DATE_AFTER"), value: fc.constant("2020-01-01T00:00:00Z") }) },
    )
    .chain((one) => fc.boolean().map((inverted) => Object.assign({ values: [] as string[] }, one, { inverted }))); // prettier-ignore
  const strategy = fc.record({
    name: fc.constantFrom("default", "userWithId", "remoteAddress"),
    parameters: fc.constantFrom({ userIds: "u1, u2" }, {}),
    constraints: fc.array(constraint, { maxLength: 3 }),
  });

  test("constraints and strategies mean the same, and what Sluice cannot ask widens nothing", () => {
    check(
      fc.array(strategy, { maxLength: 3 }),
      (strategies) =>
        firstOf(
          importUnleash({ features: [{ name: "feat", strategies }] }, { names, environment: undefined }),
        ),
      peers.unleash,
    );
  });
});

describe("GrowthBook", () => {
  const groups = {
    list: { type: "list", attributeKey: "plan", values: ["pro", "a"] },
    rich: { type: "condition", condition: { age: { $gte: 18 } } },
    circle: { type: "condition", condition: { $savedGroup: { id: "circle" } } },
  };
  const field = fc.oneof(
    fc.record({ plan: word }),
    fc.record({ plan: fc.record({ $in: fc.array(word, { maxLength: 3 }) }) }),
    fc.record({ plan: fc.record({ $nin: fc.array(word, { maxLength: 3 }) }) }),
    fc.record({ plan: fc.record({ $ne: word }) }),
    fc.record({ plan: fc.record({ $regex: fc.constantFrom("^a", "x\\.com$", "^pro$", "b", "nul") }) }),
    fc.record({ plan: fc.record({ $inGroup: fc.constantFrom("list", "nowhere") }) }),
    fc.record({
      plan: fc.constantFrom({ $exists: true }, { $regex: "a|b" }, { $size: 1 }, { $not: { $eq: "pro" } }),
    }),
    fc.record({ premium: fc.boolean() }),
    fc.record({ age: fc.constantFrom(0, 18) }),
    fc.record({
      age: fc
        .tuple(fc.constantFrom("$lt", "$lte", "$gt", "$gte", "$eq", "$ne"), fc.constantFrom(-1, 0, 18))
        .map(([operator, value]) => ({ [operator]: value })),
    }),
    fc.record({
      version: fc
        .tuple(
          fc.constantFrom("$veq", "$vne", "$vgt", "$vgte", "$vlt", "$vlte"),
          fc.constantFrom(...versions),
        )
        .map(([operator, value]) => ({ [operator]: value })),
    }),
    fc.record({ tags: fc.constantFrom({ $in: ["a"] }, { $all: ["a", "b"] }, { $elemMatch: { $eq: "b" } }) }),
    fc.record({ $savedGroup: fc.constantFrom(...Object.keys(groups), "nowhere").map((id) => ({ id })) }),
  );
  const { condition } = fc.letrec<{ condition: object }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 3, depthIdentifier: "condition" },
      field,
      fc.tuple(field, field).map(([a, b]) => Object.assign({}, a, b)),
      fc.record({ $or: fc.array(tie("condition"), { maxLength: 2 }) }),
      fc.record({ $and: fc.array(tie("condition"), { maxLength: 2 }) }),
      fc.record({ $nor: fc.array(tie("condition"), { maxLength: 2 }) }),
      fc.record({ $not: tie("condition") }),
    ),
  }));
  const rule = fc.record({ condition, force: fc.boolean() }, { requiredKeys: ["force"] });
  const definition = fc.record({ defaultValue: fc.boolean(), rules: fc.array(rule, { maxLength: 3 }) });

  test("conditions and the order of rules mean the same, and what Sluice cannot ask widens nothing", () => {
    check(
      definition,
      (feat) =>
        firstOf(
          importGrowthBook({ features: { feat }, savedGroups: groups }, { names, environment: undefined }),
        ),
      (feat) => peers.growthBook(feat, groups),
    );
  });
});

describe("flagd", () => {
  const evaluators = {
    adult: { ">=": [{ var: "age" }, 18] },
    circle: { "!": [{ $ref: "circle" }] },
  };
  const leaf = fc.oneof(
    fc.tuple(fc.constantFrom("==", "===", "!=", "!=="), word).map(([operator, value]) => ({ [operator]: [{ var: "plan" }, value] })),
    fc.tuple(fc.constantFrom("==", "!=", "===", "!=="), fc.constantFrom(0, 18)).map(([operator, value]) => ({ [operator]: [{ var: ["age"] }, value] })),
    fc.array(word, { minLength: 1, maxLength: 3 }).map((values) => ({ in: [{ var: "plan" }, values] })),
    word.map((text) => ({ in: [text, { var: "plan" }] })),
    fc.tuple(fc.constantFrom("starts_with", "ends_with"), word).map(([operator, text]) => ({ [operator]: [{ var: "plan" }, text] })),
    fc.tuple(fc.constantFrom("<", "<=", ">", ">="), fc.constantFrom(-1, 0, 18)).map(([operator, value]) => ({ [operator]: [{ var: "age" }, value] })),
    fc.constantFrom({ "<": [0, { var: "age" }, 18] }, { "<=": [18, { var: "age" }] }),
    fc.tuple(fc.constantFrom("=", "!=", "<", "<=", ">", ">=", "^", "~"), fc.constantFrom(...versions)).map(([operator, value]) => ({ sem_ver: [{ var: "version" }, operator, value] })),
    fc.constant({ var: "premium" }),
    fc.constantFrom({ $ref: "adult" }, { "==": [{ var: ["plan", "pro"] }, "pro"] }, { "!!": [{ var: "premium" }] }),
  ); // prettier-ignore
  const { condition } = fc.letrec<{ condition: object }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 3, depthIdentifier: "condition" },
      leaf,
      fc.array(tie("condition"), { minLength: 1, maxLength: 2 }).map((of) => ({ and: of })),
      fc.array(tie("condition"), { minLength: 1, maxLength: 2 }).map((of) => ({ or: of })),
      tie("condition").map((of) => ({ "!": [of] })),
    ),
  }));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 2, depthIdentifier: "value" },
      fc.constantFrom<unknown>("on", "off", null),
      fc.tuple(condition, tie("value"), tie("value")).map((args) => ({ if: args })),
      fc.tuple(condition, tie("value")).map((args) => ({ if: args })),
      fc.tuple(condition, tie("value"), condition, tie("value"), tie("value")).map((args) => ({ if: args })),
    ),
  }));
  const flag = fc.record({
    state: fc.constant("ENABLED"),
    variants: fc.constant({ on: true, off: false }),
    defaultVariant: fc.constantFrom("on", "off"),
    targeting: fc.tuple(condition, value, value).map((args) => ({ if: args })),
  });

  test("conditions and nested choices mean the same, and what Sluice cannot ask widens nothing", () => {
    check(
      flag,
      (feat) => firstOf(importFlagd({ flags: { feat }, $evaluators: evaluators }, { names })),
      (feat) => peers.flagd(feat, evaluators),
    );
  });
});
