// Files in the forms of the other systems, from end to end: what a feature becomes, and what is said of each part.
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { importFlagd } from "../../../origin/import/flagd.ts";
import { importGrowthBook } from "../../../origin/import/growthbook.ts";
import type { Imported } from "../../../origin/import/imported.ts";
import { importUnleash } from "../../../origin/import/unleash.ts";

const read = async (name: string): Promise<unknown> =>
  parse(await readFile(new URL(`../../spec/import/${name}`, import.meta.url), "utf8"));

type Read = { ok: true; value: Imported[] } | { ok: false; error: string };
const named = (imported: Read, name: string): Imported => {
  if (!imported.ok) throw new Error(imported.error);
  const found = imported.value.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};
const saidOf = ({ notes }: Imported, outcome: string): string[] =>
  notes.filter((note) => note.outcome === outcome).map(({ part, text }) => `${part}: ${text}`);

const NOBODY = { operator: "not", condition: { attribute: "path", operator: "startsWith", value: "/" } };
const country = { attribute: "country", operator: "in", values: ["DE", "AT"] };

describe("an export of Unleash", () => {
  const options = { names: {}, environment: "production" };
  const whole = read("unleash-export.json").then((json) => importUnleash(json, options));

  test("keeps constraints, segments, tags, description and link, and says what became of the rest", async () => {
    const checkout = named(await whole, "checkout");
    expect(checkout.fields).toEqual({
      description: "The one-page checkout",
      link: "https://wiki.example/checkout",
      tags: ["money", "team:payments", "project:shop"],
      unit: "user",
      rolloutBps: 2_000,
      holdoutBps: 1_000,
      targeting: {
        operator: "and",
        conditions: [
          country,
          { attribute: "claim:appVersion", operator: "versionAtLeast", value: "2.1.0" },
          { operator: "not", condition: { attribute: "claim:bot", operator: "equals", value: "yes" } },
        ],
      },
    });
    expect(saidOf(checkout, "changed")).toEqual([
      "enabled: closed; on in Unleash",
      "constraint: appVersion: versions such as v1.2 count too; Unleash refuses them",
      'buckets: stickiness "userId": Sluice draws who is in by a hash of its own, so other people get the feature',
    ]);
    expect(saidOf(checkout, "dropped")).toEqual([
      "variants: 1 of a strategy: a feature of Sluice is on or off",
    ]);
  });

  test("a name that is no id gets one of its own, and a strategy that cannot be asked gives nobody the feature", async () => {
    const search = named(await whole, "neue Suche");
    expect(search.featureId).toBe("neue-Suche-2");
    expect(named(await whole, "neue-Suche").featureId).toBe("neue-Suche");
    expect(search.fields).toMatchObject({
      rolloutBps: 5_000,
      targeting: { attribute: "claim:sub", operator: "in", values: ["ada", "bob"] },
    });
    expect(saidOf(search, "dropped").join("\n")).toContain("plan REGEX ^pro");
    expect(saidOf(search, "changed").join("\n")).toContain("its rules have 50 %, 100 %");
    expect(named(await whole, "office").fields).toMatchObject({ targeting: NOBODY, rolloutBps: 0 });
  });

  test("a dependency becomes a requirement, and the parent's targeting and rollout bound the child's", async () => {
    const express = named(await whole, "express");
    expect(express.fields).toMatchObject({ requires: ["checkout"], rolloutBps: 2_000 });
    expect(JSON.stringify(express.fields?.targeting)).toContain('"country"');
    expect(named(await whole, "gone")).toMatchObject({ fields: null });
  });

  test("attributes are read where the caller says", async () => {
    const names = { country: "header:X-Country", appVersion: "cookie:app" };
    const imported = importUnleash(await read("unleash-export.json"), { names, environment: "production" });
    const { targeting } = named(imported, "checkout").fields ?? {};
    expect(JSON.stringify(targeting)).toContain('"header:X-Country"');
    expect(JSON.stringify(targeting)).toContain('"cookie:app"');
  });

  test("of several environments one has to be named, and it has to be there", async () => {
    const json = await read("unleash-export.json");
    const ask = (environment?: string) => importUnleash(json, { names: {}, environment });
    expect(ask()).toMatchObject({ ok: false, error: expect.stringContaining("production, development") });
    expect(ask("staging")).toMatchObject({
      ok: false,
      error: expect.stringContaining("no environment staging"),
    });
  });
});

describe("features of GrowthBook", () => {
  const options = { names: {}, environment: undefined };
  const payload = read("growthbook-payload.json").then((json) => importGrowthBook(json, options));

  test("rules become targeting, and the lowest of their shares is everybody's", async () => {
    const checkout = named(await payload, "checkout");
    expect(checkout.fields).toMatchObject({
      unit: "user",
      rolloutBps: 2_000,
      targeting: {
        operator: "or",
        conditions: [
          { attribute: "claim:plan", operator: "equals", value: "internal" },
          {
            operator: "and",
            conditions: [country, { attribute: "claim:age", operator: "atLeast", value: 18 }],
          },
        ],
      },
    });
    expect(saidOf(checkout, "changed").join("\n")).toContain("its rules have 20 %, 100 %");
    expect(saidOf(checkout, "dropped").join("\n")).toContain("namespace");
  });

  test("an experiment's other variation becomes the holdout", async () => {
    expect(named(await payload, "test").fields).toMatchObject({
      rolloutBps: 7_000,
      holdoutBps: 3_000,
      targeting: null,
    });
  });

  test("a prerequisite becomes a requirement with its targeting, from a saved group", async () => {
    expect(named(await payload, "express").fields).toMatchObject({
      requires: ["beta"],
      rolloutBps: 2_500,
      targeting: { attribute: "claim:email", operator: "equals", value: "ada@example.com" },
    });
  });

  test("rules for off take people out, and other values than true and false become on and off", async () => {
    expect(named(await payload, "banner").fields?.targeting).toEqual({
      operator: "not",
      condition: { attribute: "country", operator: "equals", value: "US" },
    });
    const colour = named(await payload, "colour");
    expect(colour.fields).toMatchObject({ targeting: NOBODY });
    expect(saidOf(colour, "changed").join("\n")).toContain('on where the value is not its default, "red"');
  });

  test.each([{ hashVersion: 99 }, { filters: [{ seed: "x" }] }, { ranges: [[0, 1]] }])(
    "a rule with %j gives nobody the feature",
    (more) => {
      const rules = [{ force: true, coverage: 1, ...more }];
      const imported = importGrowthBook({ features: { feat: { defaultValue: false, rules } } }, options);
      expect(named(imported, "feat").fields).toMatchObject({ targeting: NOBODY, rolloutBps: 0 });
      expect(saidOf(named(imported, "feat"), "dropped").join("\n")).toContain(Object.keys(more)[0]);
    },
  );

  test("the REST API's list has descriptions, owners and tags, by environment", async () => {
    const json = await read("growthbook-api.json");
    const imported = importGrowthBook(json, { names: {}, environment: "production" });
    expect(named(imported, "checkout").fields).toMatchObject({
      description: "The one-page checkout",
      owner: "ada@example.com",
      tags: ["money", "project:shop"],
      targeting: { attribute: "claim:plan", operator: "equals", value: "pro" },
    });
    expect(named(imported, "old").fields).toBe(null);
    expect(named(imported, "without").fields).toBe(null);
    expect(importGrowthBook(json, options)).toMatchObject({
      ok: false,
      error: expect.stringContaining("--environment"),
    });
  });
});

describe("a flag definition of flagd", () => {
  const imported = read("flagd.yaml").then((json) =>
    importFlagd(json, { names: { email: "header:X-Email" } }),
  );

  test("targeting with shared evaluators and fractional shares becomes conditions and a rollout", async () => {
    const checkout = named(await imported, "checkout");
    expect(checkout.fields).toEqual({
      description: "The one-page checkout",
      owner: "payments",
      unit: "visitor",
      rolloutBps: 2_000,
      holdoutBps: 1_000,
      targeting: {
        operator: "or",
        conditions: [
          {
            operator: "and",
            conditions: [country, { attribute: "claim:age", operator: "atLeast", value: 18 }],
          },
          { attribute: "header:X-Email", operator: "endsWith", value: "@example.com" },
        ],
      },
    });
    expect(saidOf(checkout, "dropped")).toEqual(['metadata: ["version"]']);
  });

  test("what it cannot ask leaves only the rest, and a reference in a circle leads nowhere", async () => {
    const colour = named(await imported, "colour");
    expect(colour.fields?.targeting).toEqual({ attribute: "claim:plan", operator: "equals", value: "pro" });
    expect(saidOf(colour, "dropped").join("\n")).toContain("sem_ver");
    expect(named(await imported, "plain").fields).toMatchObject({
      targeting: null,
      rolloutBps: 10_000,
      holdoutBps: 0,
    });
    expect(named(await imported, "circle").fields).toMatchObject({ targeting: NOBODY });
  });
});

describe("what features require of one another", () => {
  const unleash = (features: object[]) => importUnleash({ features }, { names: {}, environment: undefined });
  const on = (name: string, parents: string[] = [], more: object = {}) => ({
    name,
    strategies: [{ name: "default" }],
    dependencies: parents.map((feature) => ({ feature })),
    ...more,
  });

  test("is followed one step, as Unleash does: a parent with a parent keeps everybody out", () => {
    const imported = unleash([on("a"), on("b", ["a"]), on("c", ["b"])]);
    expect(named(imported, "b").fields).toMatchObject({ requires: ["a"], targeting: null });
    expect(named(imported, "c").fields).toMatchObject({ targeting: NOBODY });
    expect(named(imported, "c").fields).not.toHaveProperty("requires");
  });

  test("keeps everybody out where it is archived, or leads round in a circle", () => {
    const archived = unleash([on("a", [], { archived: true }), on("b", ["a"])]);
    expect(named(archived, "b").fields).toMatchObject({ targeting: NOBODY });
    expect(named(archived, "b").fields).not.toHaveProperty("requires");
    const rule = (id: string) => ({ force: true, parentConditions: [{ id, condition: { value: true } }] });
    const feature = (id: string) => ({
      defaultValue: false,
      rules: [rule(id), { condition: { plan: "a" }, force: true }],
    });
    const circle = importGrowthBook(
      { features: { one: feature("two"), two: feature("one"), three: feature("two") } },
      { names: {}, environment: undefined },
    );
    for (const name of ["one", "two", "three"]) {
      expect(named(circle, name).fields).toMatchObject({ targeting: NOBODY });
      expect(named(circle, name).fields).not.toHaveProperty("requires");
    }
  });
});

describe("hostile files", () => {
  const importers: [string, (json: unknown) => Read][] = [
    ["Unleash", (json) => importUnleash(json, { names: {}, environment: undefined })],
    ["GrowthBook", (json) => importGrowthBook(json, { names: {}, environment: undefined })],
    ["flagd", (json) => importFlagd(json, { names: {} })],
  ];

  test.each(importers)("%s: what is no such file is refused with the place", (_, importer) => {
    for (const json of [null, [], 1, "x", {}, { features: 1 }, { flags: [] }, { features: [{ name: 1 }] }])
      expect(importer(json)).toMatchObject({ ok: false, error: expect.stringMatching(/^this is no .*: /) });
  });

  test("names of prototypes are names as any other", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const flag = {
      state: "ENABLED",
      variants: { on: true, off: false },
      defaultVariant: "off",
      targeting: { if: [{ $ref: "constructor" }, "on"] },
    };
    const flags = JSON.parse(
      `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(flag)}`).join(",")}}`,
    );
    const imported = importFlagd({ flags }, { names: {} });
    if (!imported.ok) throw new Error(imported.error);
    for (const { fields } of imported.value) expect(fields?.targeting).toEqual(NOBODY);
    const parents = names.map((id) => ({ id, condition: { value: true } }));
    const feature = {
      defaultValue: false,
      rules: [{ force: true, parentConditions: parents, condition: { constructor: "x" } }],
    };
    expect(named(importers[1]?.[1]({ features: { feat: feature } }) as Read, "feat").fields).toMatchObject({
      targeting: NOBODY,
    });
  });

  test("more rules, conditions or depth than Sluice takes target nobody, quickly", () => {
    const strategies = Array.from({ length: 5_000 }, (_, at) => ({
      name: "default",
      constraints: [{ contextName: `c${at}`, operator: "IN", values: ["x"] }],
    }));
    const unleash = importUnleash(
      { features: [{ name: "feat", strategies }] },
      { names: {}, environment: undefined },
    );
    expect(named(unleash, "feat").fields).toMatchObject({ targeting: NOBODY });
    let deep: object = { plan: "pro" };
    for (let at = 0; at < 30; at++)
      deep =
        at % 2 === 0 ? { $not: { $or: [deep, { a: String(at) }] } } : { $and: [deep, { b: String(at) }] };
    const rules = [{ condition: deep, force: true }];
    const growthBook = importGrowthBook(
      { features: { feat: { defaultValue: false, rules } } },
      { names: {}, environment: undefined },
    );
    expect(named(growthBook, "feat").fields).toMatchObject({ targeting: NOBODY });
    const values = Array.from({ length: 1_200 }, (_, at) => `user-${at}`);
    const many = [{ name: "userWithId", parameters: { userIds: values.join(",") } }];
    const listed = importUnleash(
      { features: [{ name: "feat", strategies: many }] },
      { names: {}, environment: undefined },
    );
    expect(JSON.stringify(named(listed, "feat").fields?.targeting)).toContain("user-1199");
  });

  test("groups, evaluators and prerequisites that name the next one twice end quickly", () => {
    const chain = <T>(of: (next: string) => T): Record<string, T> =>
      Object.fromEntries(Array.from({ length: 35 }, (_, at) => [`g${at}`, of(`g${at + 1}`)]));
    const started = performance.now();
    const savedGroups = chain((next) => ({
      type: "condition",
      condition: { $or: [{ $savedGroup: { id: next } }, { $savedGroup: { id: next }, a: "b" }] },
    }));
    const rules = [{ force: true, condition: { $savedGroup: { id: "g0" } } }];
    const evaluators = chain((next) => ({ or: [{ $ref: next }, { and: [{ $ref: next }, { var: "a" }] }] }));
    const flags = {
      feat: {
        state: "ENABLED",
        variants: { on: true },
        defaultVariant: "on",
        targeting: { if: [{ $ref: "g0" }, "on", { if: [{ $ref: "g0" }, "on", "on"] }] },
      },
    };
    const features = chain((next) => ({
      defaultValue: false,
      rules: [1, 2].map(() => ({
        force: true,
        parentConditions: [{ id: next, condition: { value: true } }],
      })),
    }));
    importGrowthBook(
      { features: { feat: { defaultValue: false, rules } }, savedGroups },
      { names: {}, environment: undefined },
    );
    importFlagd({ flags, $evaluators: evaluators }, { names: {} });
    importGrowthBook({ features }, { names: {}, environment: undefined });
    const names = Array.from({ length: 20_000 }, (_, at) => ({ name: String.fromCodePoint(0x4e00 + at) }));
    const renamed = importUnleash({ features: names }, { names: {}, environment: undefined });
    expect(new Set(renamed.ok ? renamed.value.map(({ featureId }) => featureId) : []).size).toBe(20_000);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test("saved groups and prerequisites in a circle end", () => {
    const groups = {
      a: { type: "condition", condition: { $savedGroup: { id: "b" } } },
      b: { type: "condition", condition: { $savedGroup: { id: "a" } } },
    };
    const parent = (id: string) => ({
      defaultValue: false,
      rules: [
        {
          force: true,
          condition: { $savedGroup: { id: "a" } },
          parentConditions: [{ id, condition: { value: true } }],
        },
      ],
    });
    const imported = importGrowthBook(
      { features: { one: parent("two"), two: parent("one") }, savedGroups: groups },
      { names: {}, environment: undefined },
    );
    expect(named(imported, "one").fields).toMatchObject({ targeting: NOBODY });
  });
});
