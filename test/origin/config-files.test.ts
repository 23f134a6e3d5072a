// Configuration files, checked without an origin: every error has its file, line and column.
import { describe, expect, test } from "vitest";
import { errorLine, readConfig } from "../../origin/cli/config/read-config.ts";
import { leavesOf, planMarkdown, planText, type Plan } from "../../origin/cli/config/plan-text.ts";
import { mergeIntoFile, writeConfig, type Exported } from "../../origin/cli/config/write-config.ts";

const read = (...texts: readonly string[]) =>
  readConfig(texts.map((text, at) => ({ path: `${"abc"[at]}.yaml`, text })));
const errorsOf = (...texts: readonly string[]): string[] => read(...texts).errors.map(errorLine);
const inShop = (features: string): string => `source: shop\nfeatures:\n${features}`;

const rule = `    rule:
      activationThreshold: 0.15
      retentionThreshold: 0.4
      latencyP95Threshold: 200
      minCohortSize: 500
      evaluationWindowSeconds: 1209600
`;

describe("a good file", () => {
  test("is read with several documents and files, JSON, aliases, and ids that YAML takes for something else", () => {
    const { content, errors } = read(
      `\uFEFF${inShop("  feat_a: &a\n    tags: [x]\n  no: *a\n  404:\n    <<: *a\n    rolloutBps: 5\n")}---\nfeatures: {feat_b: {}}\n`,
      '{"$schema": "x", "features": {\n\t"feat_c": {"enabled": true}}}',
    );
    expect(errors).toEqual([]);
    expect(content).toEqual({
      source: "shop",
      features: [
        { featureId: "404", file: "a.yaml", tags: ["x"], rolloutBps: 5 },
        { featureId: "feat_a", file: "a.yaml", tags: ["x"] },
        { featureId: "no", file: "a.yaml", tags: ["x"] },
        { featureId: "feat_b", file: "a.yaml" },
        { featureId: "feat_c", file: "b.yaml", enabled: true },
      ],
    });
  });

  test("may name segments, which only the origin knows", () => {
    expect(errorsOf(inShop("  a: {targeting: {segment: beta-testers}}\n"))).toEqual([]);
  });

  test("may have segments, which other files may name", () => {
    const { content, errors } = read(
      "source: shop\nsegments:\n  home:\n    description: at home\n    condition: {segment: elsewhere}\n",
      "features:\n  a: {targeting: {segment: home}}\n",
    );
    expect(errors).toEqual([]);
    expect(content?.segments).toEqual([
      { segmentId: "home", file: "a.yaml", description: "at home", condition: { segment: "elsewhere" } },
    ]);
  });

  test("may name features as JavaScript names what every object has", () => {
    const { content, errors } = read(inShop("  __proto__: {tags: [a]}\n  constructor: {}\n"));
    expect(errors).toEqual([]);
    expect(content?.features.map(({ featureId }) => featureId)).toEqual(["__proto__", "constructor"]);
  });
});

describe("an error", () => {
  test.each([
    ["a wrong type", "  a:\n    enabled: 1\n", "4:14: features.a.enabled: must be true or false"],
    [
      "a word that was false in YAML 1.1",
      "  a:\n    enabled: no\n",
      "4:14: features.a.enabled: must be true or false (no is text in YAML 1.2: write false)",
    ],
    [
      "a number with underscores",
      `  a:\n${rule.replace("500", "1_000")}`,
      "8:22: features.a.rule.minCohortSize: must be a number (1_000 is text in YAML 1.2: write 1000)",
    ],
    [
      "a percentage",
      "  a:\n    rolloutBps: 12.5%\n",
      "4:17: features.a.rolloutBps: must be a whole number of basis points from 0 to 10000 (2000 = 20 %) (12.5% is 1250)",
    ],
    [
      "an unknown field",
      "  a:\n    rollotBps: 1\n",
      "4:5: features.a.rollotBps: unknown field; did you mean rolloutBps?",
    ],
    [
      "an unknown field of a rule",
      `  a:\n${rule}      mod: shadow\n`,
      "10:7: features.a.rule.mod: unknown field; did you mean mode?",
    ],
    [
      "a field that every object has",
      "  a:\n    __proto__: {enabled: true}\n",
      "4:5: features.a.__proto__: unknown field",
    ],
    ["a missing field", "  a:\n    rule: {}\n", "4:5: features.a.rule.minCohortSize: is missing"],
    [
      "an id that no feature can have",
      "  a b: {}\n",
      "3:3: features.a b: may contain letters, digits and _ . : / - only",
    ],
    [
      "a gate without routes",
      "  a:\n    gate: {whenClosed: {action: notFound}}\n",
      "4:24: features.a.gate.whenClosed: needs routes",
    ],
    [
      "features that require one another",
      "  a: {requires: [b]}\n  b: {requires: [a]}\n",
      "3:17: features.a.requires: it requires itself: a requires b requires a",
    ],
    [
      "a list",
      "  - featureId: a\n",
      "3:3: features: must be a mapping: the id of each feature, and its fields below",
    ],
    ["NUL", '  a: {tags: ["b\\0"]}\n', "3:14: features.a.tags.0: must not contain the character NUL"],
    [
      "half a pair",
      '  a: {tags: ["\\ud800"]}\n',
      "3:14: features.a.tags.0: must be well-formed Unicode (it has half of a surrogate pair)",
    ],
    ["a tab", "\ta: {}\n", "3:1: Tabs are not allowed as indentation"],
    ["a key that stands twice", "  a: {}\n  a: {}\n", '4:3: "a" stands here twice'],
    ["an unknown tag", "  a: !!js/function x\n", "3:6: Unresolved tag: tag:yaml.org,2002:js/function"],
    ["an alias of nothing", "  a: *b\n", "3:6: there is no anchor &b"],
  ])("names %s by its place", (_, features, expected) => {
    expect(errorsOf(inShop(features))).toContain(`a.yaml:${expected}`);
  });

  test("names what is wrong with a segment by its line", () => {
    const segments = (text: string) => errorsOf(`source: shop\nsegments:\n${text}`);
    expect(segments("  a: {segment: b}\n")).toEqual([
      "a.yaml:3:3: segments.a.condition: is missing",
      "a.yaml:3:7: segments.a.segment: unknown field",
    ]);
    expect(segments("  a b: {condition: {segment: b}}\n")).toEqual([
      expect.stringMatching(/^a\.yaml:3:3: segments\.a b: may contain/),
    ]);
    expect(segments("  a: {condition: {segment: b}}\n  b: {condition: {segment: a}}\n")).toEqual([
      expect.stringMatching(/^a\.yaml:3:\d+: segments\.a\.condition: .*a → b → a$/),
      expect.stringMatching(/^a\.yaml:4:\d+: segments\.b\.condition: .*b → a → b$/),
    ]);
    expect(segments("  - a\n")).toEqual([expect.stringContaining("segments: must be a mapping")]);
    expect(errorsOf("source: shop\nsegment: {}\n")).toEqual([
      expect.stringContaining("did you mean segments"),
    ]);
  });

  test("names a feature that stands in two files by both", () => {
    expect(errorsOf(inShop("  feat_a: {}\n"), "features:\n  feat_b: {}\n  feat_a: {}\n")).toEqual([
      "b.yaml:3:3: features.feat_a: stands in a.yaml:3 too",
    ]);
  });

  test("says that sources differ, or that there is none", () => {
    expect(errorsOf("source: shop\n", "source: blog\n")).toEqual(["b.yaml:1:9: source: is shop in a.yaml"]);
    expect(errorsOf("features: {}\n")).toEqual([
      "a.yaml:1:1: source: no file names its source: write source: NAME, such as the repository, in one of them",
    ]);
  });

  test("of a file that would read words as YAML 1.1 does is its first line", () => {
    expect(errorsOf(`%YAML 1.1\n---\n${inShop("  a: {}\n")}`)).toEqual([
      "a.yaml:1:1: %YAML 1.1 would read words such as no in another way: leave the line out",
    ]);
  });
});

describe("a hostile file", () => {
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"].concat(
    "bcdefghi"
      .split("")
      .map((name, at) => `${name}: &${name} [${Array(10).fill(`*${"abcdefgh"[at]}`).join(", ")}]`),
  );
  test.each([
    ["of aliases of aliases", bomb.join("\n"), /its aliases make more than 1000000 values/],
    ["of an alias within itself", "features: &f\n  a: *f\n", /an alias leads round in a circle/],
    ["that is nested without end", `features: ${"[".repeat(100_000)}`, /is nested too deep/],
    ["that is nested without end, in blocks", "- ".repeat(20_000), /is nested too deep/],
    ["of a thousand quotes", '"'.repeat(1_001), /Unexpected double-quoted-scalar/],
  ])("%s is an error, in a few lines", (_, text, message) => {
    const errors = errorsOf(text);
    expect(errors.length).toBeLessThan(20);
    expect(errors.join("\n")).toMatch(message);
  });
});

const plan: Plan = {
  hash: "0123",
  source: "shop",
  changed: true,
  counts: { create: 0, update: 1, delete: 1, adopt: 0, release: 0, unchanged: 3 },
  base: [],
  baseSegments: [],
  segments: [],
  features: [
    {
      featureId: "feat_a",
      file: "a.yaml",
      action: "update",
      changes: [
        {
          field: "targeting",
          from: { operator: "and", conditions: [{ attribute: "country", operator: "equals", value: "DE" }] },
          to: { operator: "and", conditions: [{ attribute: "country", operator: "equals", value: "AT" }] },
          by: "file",
        },
        { field: "rolloutBps", from: 5000, to: 1000, by: "hand" },
      ],
      notes: ["stays rolled back since then (\u001b[31mred\u001b[0m\n\u202e)"],
      warnings: [],
      visitors: "40 % lose it at once",
    },
    {
      featureId: "feat_b",
      file: null,
      action: "delete",
      changes: [],
      notes: ["it left ```a.yaml```"],
      warnings: ["it is open"],
      visitors: null,
    },
  ],
};

describe("a plan for a person", () => {
  test("shows of a tree the part that differs, and no character that a terminal would obey", () => {
    expect(planText(plan)).toBe(
      [
        "~ feat_a changes  (a.yaml)",
        '    targeting.conditions.0.value: "DE" → "AT"',
        "    rolloutBps: 5000 → 1000  (changed by hand; the file takes it back)",
        "    visitors: 40 % lose it at once",
        "    note: stays rolled back since then (\\u001b[31mred\\u001b[0m\\u000a\\u202e)",
        "",
        "- feat_b is deleted",
        "    note: it left ```a.yaml```",
        "    warning: it is open",
        "",
        "Plan of shop: 1 to change, 1 to delete; 3 stay as they are.",
      ].join("\n"),
    );
  });

  test("shows segments first, with the features whose targeting they change", () => {
    const segment = {
      segmentId: "home",
      file: "s.yaml",
      action: "update" as const,
      changes: [{ field: "description", from: null, to: "at home", by: "file" as const }],
      features: ["feat_a", "feat_z"],
      notes: [],
      warnings: ["1 of its features is on trial"],
    };
    const counts = { create: 0, update: 0, delete: 0, adopt: 0, release: 0, unchanged: 1 };
    expect(planText({ ...plan, counts, features: [], segments: [segment] })).toBe(
      [
        "~ segment home changes  (s.yaml)",
        '    description: none → "at home"',
        "    note: changes the targeting of feat_a, feat_z",
        "    warning: 1 of its features is on trial",
        "",
        "Plan of shop: no feature to change; 1 stays as it is; segments: 1 to change.",
      ].join("\n"),
    );
    expect(planMarkdown({ ...plan, segments: [segment] })).toMatch(/^````diff\n! segment home changes/m);
  });

  test("is as a comment one block that nothing within can close, and never too long", () => {
    const text = planMarkdown(plan);
    expect(text).toContain("### Sluice: 1 to change, 1 to delete; 3 stay as they are");
    expect(text).toMatch(/^````diff\n! feat_a[^]*\n````$/m);
    const [feature] = plan.features;
    const many = { ...plan, features: Array.from({ length: 2_000 }, () => feature ?? plan.features[0]!) };
    expect(planMarkdown(many).length).toBeLessThan(65_536);
    expect(planMarkdown(many)).toMatch(/And \d+ more/);
  });

  test("names each field that a value gains or loses", () => {
    expect(leavesOf({ field: "gate", from: { path: "/a" }, to: { upstream: "https://b" } })).toEqual([
      { field: "gate.path", from: "/a", to: null },
      { field: "gate.upstream", from: null, to: "https://b" },
    ]);
  });
});

describe("an export", () => {
  const exported = (config: Exported["config"]): Exported => ({
    featureId: "feat_a",
    source: "shop",
    rolledBack: null,
    config,
  });

  test("writes a file that says the same when it is read, with why a feature is closed", () => {
    const config = { enabled: true, holdoutBps: 0, tags: ["no", "1"], owner: "Ann: the \u{1F9A5}" };
    const closed = { since: "2026-11-26", reason: "too\nslow", epoch: 1 };
    const text = writeConfig("shop", [{ ...exported(config), rolledBack: closed }]);
    expect(text).toContain("# Rolled back since 2026-11-26: too slow\n  feat_a:");
    expect(read(text).content?.features).toEqual([{ featureId: "feat_a", file: "a.yaml", ...config }]);
  });

  test("has segments, and brings those of a file up to date", () => {
    const condition = { attribute: "country", operator: "equals", value: "AT" };
    const segment = { segmentId: "home", config: { description: "at home", condition } };
    expect(read(writeConfig("shop", [], [segment])).content?.segments).toEqual([
      { segmentId: "home", file: "a.yaml", description: "at home", condition },
    ]);
    const text =
      "source: shop\nsegments:\n  # who\n  home:\n    description: old # why\n    condition: {attribute: country, operator: equals, value: DE}\n";
    expect(mergeIntoFile(text, [], [segment])).toEqual({
      ok: true,
      value: {
        changed: ["segment home"],
        text: text.replace("old #", "at home #").replace("DE", "AT"),
      },
    });
  });

  test("merged into a file changes what differs, and keeps comments, order and what is as it was", () => {
    const text = [
      "# of the shop",
      "source: shop",
      "features:",
      "  # who pays",
      "  feat_a:",
      "    rolloutBps: 1000 # a tenth",
      "    failureMode: static # as ever",
      "    tags: [ a,  b ]",
      "    owner: nobody",
      "    rule:",
      "      minCohortSize: 500 # enough",
      "      mode: enforce",
      "  feat_other: {}",
      "",
    ].join("\n");
    const merged = mergeIntoFile(text, [
      exported({ rolloutBps: 2500, tags: ["a", "b"], rule: { minCohortSize: 900 }, holdoutBps: 100 }),
    ]);
    expect(merged).toEqual({
      ok: true,
      value: {
        changed: ["feat_a"],
        text: [
          "# of the shop",
          "source: shop",
          "features:",
          "  # who pays",
          "  feat_a:",
          "    rolloutBps: 2500 # a tenth",
          "    failureMode: static # as ever",
          "    tags: [ a, b ]",
          "    rule:",
          "      minCohortSize: 900 # enough",
          "  feat_other: {}",
          "",
        ].join("\n"),
      },
    });
    const again = merged.ok ? merged.value.text : "";
    expect(
      mergeIntoFile(again, [
        exported({ rolloutBps: 2500, tags: ["b", "a"], rule: { minCohortSize: 900 }, holdoutBps: 100 }),
      ]),
    ).toEqual({ ok: true, value: { changed: [], text: again } });
  });
});
