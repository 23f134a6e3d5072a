import { describe, expect, test } from "vitest";
import { decodePayload, encodePayload, parseCookie } from "../../shared/signing/cookie.ts";
import { UnitId } from "../../shared/ids.ts";

const mac = "m".repeat(43);
const contentOf = (id: string) => ({ visitorId: UnitId.parse(id), day: 0, captchaScore: null });

test("a payload is visitor, day in base 36, nothing for the first version of the hash, and score, with dots and tildes of the visitor escaped", () => {
  expect(encodePayload({ ...contentOf("a.b~c/d"), day: 20_779, captchaScore: 0.07 })).toBe(
    "a%2Eb%7Ec%2Fd~g17~~7",
  );
  expect(encodePayload(contentOf("u"))).toBe("u~0~");
});

describe("a payload is refused when", () => {
  test.each([
    { title: "its unit is missing", text: "~1~" },
    { title: "something stands before its unit", text: "x~u~1~" },
    { title: "its day is missing", text: "u~~" },
    { title: "its day is too long", text: "u~1234567~" },
    { title: "its day is no number", text: "u~A~" },
    { title: "the third part has another character", text: "u~1~AAAA.A" },
    { title: "its score has three digits", text: "u~1~~100~1" },
  ])("$title", ({ text }) => {
    expect(decodePayload(text)).toBe(null);
  });
});

test("the longest day is read", () => {
  expect(decodePayload("u~zzzzzz~")?.day).toBe(36 ** 6 - 1);
});

test("a cookie is split into its parts, and says over what its MAC was made", () => {
  expect(parseCookie(`v1.k1.u~1~.${mac}`)).toEqual({
    kid: "k1",
    payload: "u~1~",
    mac,
    signedPart: "v1.k1.u~1~",
  });
});

describe("a cookie is refused when", () => {
  test.each([
    { title: "something stands before it", text: `xv1.k1.u.${mac}` },
    { title: "it is of another version", text: `v2.k1.u.${mac}` },
    { title: "its key id is missing", text: `v1..u.${mac}` },
    { title: "its key id is too long", text: `v1.${"k".repeat(33)}.u.${mac}` },
    { title: "its payload is missing", text: `v1.k1..${mac}` },
    { title: "its payload is too long", text: `v1.k1.${"u".repeat(2_049)}.${mac}` },
    { title: "its MAC is too short", text: `v1.k1.u.${mac.slice(1)}` },
    { title: "its MAC is too long", text: `v1.k1.u.${mac}m` },
  ])("$title", ({ text }) => {
    expect(parseCookie(text)).toBe(null);
  });

  test.each([
    { title: "the shortest parts are", text: `v1.k.u.${mac}` },
    { title: "the longest parts are", text: `v1.${"k".repeat(32)}.${"u".repeat(2_048)}.${mac}` },
  ])("$title read", ({ text }) => {
    expect(parseCookie(text)).not.toBe(null);
  });
});
