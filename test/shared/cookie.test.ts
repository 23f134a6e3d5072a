import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodePayload, encodePayload, formatCookie, parseCookie } from "../../shared/signing/cookie.ts";
import { UnitId } from "../../shared/ids.ts";

const unitId = fc
  .string({ minLength: 1, maxLength: 64, unit: "grapheme" })
  .filter((text) => UnitId.safeParse(text).success)
  .map((text) => UnitId.parse(text));

test("what was encoded is decoded, for any visitor", () => {
  fc.assert(
    fc.property(
      unitId,
      fc.integer({ min: 0, max: 99_999 }),
      fc.option(fc.integer({ min: 0, max: 100 }).map((hundredths) => hundredths / 100)),
      (visitorId, day, captchaScore) => {
        const content = { visitorId, day, captchaScore };
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
      if (content !== null) expect(UnitId.safeParse(content.visitorId).success).toBe(true);
    }),
  );
});

test.each([
  ["unit~g17~AAAAAA", null],
  ["unit~g17~AAAAAB_____w", null],
  ["unit~g17~AAAAAB_____w~7", 0.07],
  ["unit~g17~", null],
])(
  "the older payload %s, with cohorts or without captcha, is read for its visitor, day and score",
  (payload, score) => {
    expect(decodePayload(payload)).toEqual({ visitorId: "unit", day: 20_779, captchaScore: score });
  },
);

test.each(["", "~~", "u~1~AAAAA!", "%zz~1~", "u~1", "u~1~~", "u~1~~101", "u~1~~-1", "u~1~~0.5", "u~1~~50~"])(
  "payload %j is refused",
  (text) => {
    expect(decodePayload(text)).toBe(null);
  },
);

test("a cookie takes less than 200 bytes, whatever number of features there is", () => {
  const visitorId = UnitId.parse(`anon-${"m".repeat(22)}`);
  const payload = encodePayload({ visitorId, day: 20_779, captchaScore: 1 });
  expect(formatCookie("k".repeat(32), payload, "m".repeat(43)).length).toBeLessThan(200);
});
