// The origin's answer to "who would get this?" is the edges': the same cases as there, and each condition agrees with the whole.
import {
  assert,
  constantFrom,
  dictionary,
  letrec,
  oneof,
  property,
  record,
  string,
  array,
  tuple,
} from "fast-check";
import { describe, expect, test } from "vitest";
import {
  evaluateFor,
  type AskedRequest,
  type UnsavedFields,
} from "../../../origin/features/segments/evaluate-for.ts";
import type { SegmentParts } from "../../../origin/features/segments/expand-targeting.ts";
import type { WrittenCondition } from "../../../shared/features/written-targeting.ts";
import { FeatureState } from "../../../shared/features/feature.ts";
import { SegmentId, UnitId } from "../../../shared/ids.ts";
import { recordOf } from "../../support/feature-record.ts";
import evaluationCases from "../../spec/feature-evaluation.json" with { type: "json" };
import targetingCases from "../../spec/targeting.json" with { type: "json" };

const NO_SEGMENTS: SegmentParts = new Map();
const ANYBODY: AskedRequest = {
  visitorId: null,
  userId: null,
  path: null,
  method: "GET",
  country: null,
  device: null,
  headers: {},
  cookies: {},
  claims: {},
};
const evaluate = (
  featureId: string,
  fields: object,
  asked: Partial<AskedRequest>,
  { segments = NO_SEGMENTS, unsaved = {} }: { segments?: SegmentParts; unsaved?: UnsavedFields } = {},
) => {
  const state = FeatureState.parse({
    featureId,
    enabled: true,
    rolloutBps: 10_000,
    version: 1,
    ...fields,
  });
  const result = evaluateFor(recordOf(featureId, { state }), unsaved, { ...ANYBODY, ...asked }, segments);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

type Page = {
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  country?: string;
  claims?: object;
};
type Case = { title: string; feature: object; unitId: string; page?: Page; expected: object } & Record<
  string,
  unknown
>;

describe("as at every edge:", () => {
  // A person asks about pages of an edge that hears of changes, and needs no preview for that.
  const cases = (evaluationCases as Case[]).filter(
    ({ preview, stale }) => preview !== true && stale !== true,
  );
  test.each(cases)("$title", ({ feature, unitId, page = {}, expected }) => {
    const { path = "/", claims = {}, ...rest } = page;
    const asked = { visitorId: UnitId.parse(unitId), path, claims: { ...claims }, ...rest };
    expect(evaluate("feat_case", feature, asked)).toMatchObject(expected);
  });

  test.each(
    targetingCases as {
      title: string;
      targeting: WrittenCondition;
      cases: { context: Record<string, never>; targeted: boolean }[];
    }[],
  )("targeting: $title", ({ targeting, cases: contexts }) => {
    for (const { context, targeted } of contexts) {
      const evaluation = evaluate("feat_case", { targeting }, { ...context, visitorId: UnitId.parse("u") });
      expect({ context, targeted: evaluation.why !== "notTargeted" }).toEqual({ context, targeted });
      expect(evaluation.targeting?.holds).toBe(targeted);
    }
  });
});

const country = (value: string): WrittenCondition => ({ attribute: "country", operator: "equals", value });

test("each condition shows what the request has of it, also within segments", () => {
  const segments: SegmentParts = new Map([
    [
      SegmentId.parse("beta"),
      {
        condition: { attribute: "claim:groups", operator: "in", values: ["beta", "staff"] },
        version: 1,
      },
    ],
  ]);
  const targeting: WrittenCondition = {
    operator: "and",
    conditions: [{ segment: SegmentId.parse("beta") }, { operator: "not", condition: country("US") }],
  };
  const asked = { visitorId: UnitId.parse("u"), claims: { groups: ["a", "staff"] }, country: "US" };
  expect(evaluate("f", {}, asked, { segments, unsaved: { targeting } })).toMatchObject({
    open: false,
    cohort: "off",
    why: "notTargeted",
    targeting: {
      operator: "and",
      holds: false,
      conditions: [
        { segment: "beta", holds: true, within: { holds: true, values: ["a", "staff"] } },
        { operator: "not", holds: false, within: { holds: true, values: ["US"] } },
      ],
    },
  });
});

test("unsaved fields take the place of the stored ones, and a null targeting targets everybody", () => {
  const stored = { targeting: country("DE"), enabled: false };
  const asked = { visitorId: UnitId.parse("u"), country: "FR" };
  expect(evaluate("f", stored, asked)).toMatchObject({ why: "closed", targeting: { holds: false } });
  const unsaved = { enabled: true, targeting: null };
  expect(evaluate("f", stored, asked, { unsaved })).toMatchObject({ open: true, targeting: null });
  const nobody = { ...unsaved, rolloutBps: 0, holdoutBps: 10_000 };
  expect(evaluate("f", stored, asked, { unsaved: nobody })).toMatchObject({ cohort: "holdout", open: false });
});

test("the conditions one by one come to what the edge decides as a whole, whatever is asked", () => {
  const word = constantFrom("DE", "AT", "1", "2.0", "", "constructor", "__proto__");
  const attribute = constantFrom(
    "country",
    "device",
    "header:x-a",
    "cookie:c",
    "claim:a.b",
    "claim:__proto__",
    "path",
  );
  const leaf = oneof(
    record({ attribute, operator: constantFrom("equals" as const), value: word }),
    record({
      attribute,
      operator: constantFrom("in" as const),
      values: array(word, { minLength: 1, maxLength: 3 }),
    }),
    record({
      attribute,
      operator: constantFrom("atLeast" as const, "lessThan" as const),
      value: constantFrom(0, 1, 2),
    }),
  );
  const ids = ["s", "t"].map((id) => SegmentId.parse(id));
  const { tree } = letrec<{ tree: WrittenCondition }>((tie) => ({
    tree: oneof(
      { maxDepth: 3 },
      leaf,
      constantFrom(...ids.map((segment) => ({ segment }))),
      record({
        operator: constantFrom("and" as const, "or" as const),
        conditions: array(tie("tree"), { minLength: 1, maxLength: 3 }),
      }),
      record({ operator: constantFrom("not" as const), condition: tie("tree") }),
    ),
  }));
  const asked = record({
    country: constantFrom("DE", "AT", null),
    device: constantFrom("mobile" as const, null),
    headers: dictionary(constantFrom("X-A", "x-a", "User-Agent"), string()),
    cookies: dictionary(constantFrom("c", "d"), word),
    claims: constantFrom(
      {},
      { "a.b": "DE" },
      { a: { b: ["1", 2] } },
      JSON.parse('{"__proto__": "DE"}') as object,
    ),
  });
  let targeted = 0;
  assert(
    property(tree, tuple(leaf, leaf), asked, (targeting, [s, t], request) => {
      const segments: SegmentParts = new Map([
        [ids[0] ?? SegmentId.parse("s"), { condition: s, version: 1 }],
        [ids[1] ?? SegmentId.parse("t"), { condition: t, version: 1 }],
      ]);
      const visitorId = UnitId.parse("u");
      const described = { ...request, visitorId, claims: { ...request.claims } };
      const evaluation = evaluate("f", {}, described, { segments, unsaved: { targeting } });
      expect(evaluation.targeting?.holds).toBe(evaluation.why !== "notTargeted");
      if (evaluation.targeting?.holds === true) targeted += 1;
    }),
    { numRuns: 500 },
  );
  expect(targeted).toBeGreaterThan(50);
});
