import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodePayload,
  encodePayload,
  formatCookie,
  addSticky,
  stickyKey,
  MAX_STICKY,
  parseCookie,
} from "../../shared/signing/cookie.ts";
import type { StickyCohort } from "../../shared/features/assign.ts";
import { UnitId } from "../../shared/ids.ts";

const cohort = fc.constantFrom<StickyCohort>("treatment", "holdout");
const key = fc.integer({ min: 0, max: 0xff_ff_ff_ff });
const unitId = fc
  .string({ minLength: 1, maxLength: 64, unit: "grapheme" })
  .filter((text) => UnitId.safeParse(text).success)
  .map((text) => UnitId.parse(text));

test("what was encoded is decoded, for any unit and any cohorts", () => {
  fc.assert(
    fc.property(
      unitId,
      fc.integer({ min: 0, max: 99_999 }),
      fc.array(fc.tuple(key, cohort), { maxLength: 50 }),
      fc.option(fc.integer({ min: 0, max: 100 }).map((hundredths) => hundredths / 100)),
      (unit, day, stickyText, captchaScore) => {
        const content = { unitId: unit, day, sticky: new Map(stickyText), captchaScore };
        const payload = encodePayload(content);
        expect(decodePayload(payload)).toEqual(content);
        expect(payload).toMatch(/^[\u0021\u0023-\u002b\u002d-\u003a\u003c-\u005b\u005d-\u007e]*$/);
        const mac = "m".repeat(43);
        expect(parseCookie(formatCookie("k1", payload, mac))).toMatchObject({ kid: "k1", payload, mac });
      },
    ),
  );
});

test("rubbish is refused and never throws", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      parseCookie(text);
      const content = decodePayload(text);
      if (content !== null) expect(UnitId.safeParse(content.unitId).success).toBe(true);
    }),
  );
});

test("a cookie from before there were captchas is still read", () => {
  const content = decodePayload("unit~g17~AAAAAA");
  expect(content).toEqual({
    unitId: "unit",
    day: 20_779,
    sticky: new Map([[0, "treatment"]]),
    captchaScore: null,
  });
});

test.each([
  "",
  "~~",
  "u~1~AAAAA",
  "u~1~AAAAA!",
  "u~1~AAAAAP",
  "%zz~1~",
  "u~1",
  "u~1~~",
  "u~1~~101",
  "u~1~~-1",
  "u~1~~0.5",
  "u~1~~50~",
])("payload %j is refused", (text) => {
  expect(decodePayload(text)).toBe(null);
});

test("thirty features with the longest ids take less than 1 kB, name and attributes included", () => {
  const sticky = new Map(
    Array.from({ length: 30 }, (_, i) => [stickyKey("f".repeat(126) + i, 7), "treatment"] as const),
  );
  const payload = encodePayload({
    unitId: UnitId.parse("m".repeat(22)),
    day: 20_779,
    sticky,
    captchaScore: 1,
  });
  expect(formatCookie("k".repeat(32), payload, "m".repeat(43)).length).toBeLessThan(900);
});

test("over the cap the retired go first, then those of closed features; then there is no room for new ones", () => {
  const old = new Map<number, StickyCohort>(Array.from({ length: MAX_STICKY }, (_, i) => [i, "treatment"]));
  const every = [...old.keys(), 1_000, 1_001, 1_002];
  const living = new Set(every.filter((each) => each !== 50));
  const open = new Set(every.filter((each) => each !== 50 && each !== 3));
  const keysAfter = (...added: number[]): number[] => [
    ...addSticky(old, new Map(added.map((each) => [each, "holdout"])), { living, open }).keys(),
  ];
  const without = (...gone: number[]): number[] => [...old.keys()].filter((each) => !gone.includes(each));
  expect(keysAfter(1_000)).toEqual([...without(50), 1_000]);
  expect(keysAfter(1_000, 1_001)).toEqual([...without(50, 3), 1_000, 1_001]);
  expect(keysAfter(1_000, 1_001, 1_002)).toEqual([...without(50, 3), 1_000, 1_001]);
});

test("below the cap retired cohorts stay: a feature that is switched off for a while keeps its cohorts", () => {
  const keys = { living: new Set([2]), open: new Set([2]) };
  expect(addSticky(new Map([[1, "treatment"]]), new Map([[2, "holdout"]]), keys).size).toBe(2);
});
