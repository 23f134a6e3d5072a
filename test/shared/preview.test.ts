import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FeatureId, isFeatureId } from "../../shared/ids.ts";
import { MAX_PREVIEW_S, parsePreview, previewText } from "../../shared/signing/preview.ts";

const mac = "m".repeat(43);

test("a preview is read as it was written", () => {
  const preview = { featureId: FeatureId.parse("shop.new/cart:v2"), expires: 1_764_000_000, epoch: 40 };
  const signedPart = previewText("k1", preview);
  expect(signedPart).toBe("p2.k1.t68n40.14.shop%2Enew%2Fcart%3Av2");
  expect(parsePreview(`${signedPart}.${mac}`)).toEqual({ ...preview, kid: "k1", mac, signedPart });
});

test("every feature id, expiry and epoch is read as it was written", () => {
  const featureId = fc.stringMatching(/^[A-Za-z0-9_.:/-]{1,128}$/).filter(isFeatureId);
  const kid = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/);
  fc.assert(
    fc.property(featureId, kid, fc.nat(2 ** 40), fc.nat(2 ** 30), (id, key, expires, epoch) => {
      const text = previewText(key, { featureId: id, expires, epoch });
      expect(parsePreview(`${text}.${mac}`)).toMatchObject({ featureId: id, expires, epoch, kid: key });
    }),
  );
});

test("no preview lives longer than a week", () => {
  expect(MAX_PREVIEW_S).toBe(604_800);
});

describe("a token is refused when", () => {
  test.each([
    { title: "it has no MAC", text: "p2.k1.1.2.feat" },
    { title: "its MAC is too short", text: `p2.k1.1.2.feat.${mac.slice(1)}` },
    { title: "its MAC is too long", text: `p2.k1.1.2.feat.${mac}m` },
    { title: "something stands before it", text: `xp2.k1.1.2.feat.${mac}` },
    { title: "it is of another kind", text: `v1.k1.1.feat.${mac}` },
    { title: "its key id is missing", text: `p2..1.2.feat.${mac}` },
    { title: "its key id is too long", text: `p2.${"k".repeat(33)}.1.2.feat.${mac}` },
    { title: "its time is missing", text: `p2.k1..2.feat.${mac}` },
    { title: "its time is too long", text: `p2.k1.${"1".repeat(11)}.2.feat.${mac}` },
    { title: "its epoch is missing", text: `p2.k1.1.feat.${mac}` },
    { title: "its epoch is too long", text: `p2.k1.1.${"1".repeat(11)}.feat.${mac}` },
    { title: "it is of the first form, which any epoch fitted", text: `p1.k1.1.feat.${mac}` },
    { title: "its feature id is missing", text: `p2.k1.1.2..${mac}` },
    { title: "its feature id has a malformed escape", text: `p2.k1.1.2.%zz.${mac}` },
    { title: "its feature id is none", text: `p2.k1.1.2.a%20b.${mac}` },
    { title: "its feature id has a semicolon, which ends a cookie", text: `p2.k1.1.2.a;b.${mac}` },
  ])("$title", ({ text }) => {
    expect(parsePreview(text)).toBe(null);
  });

  test("its feature id takes more than 512 characters, as no id does", () => {
    // "%41" is a letter that needs no escape: 128 letters fit, whichever way they are written.
    expect(parsePreview(`p2.k1.1.2.${"%41".repeat(128)}.${mac}`)?.featureId).toHaveLength(128);
    expect(parsePreview(`p2.k1.1.2.${"%41".repeat(171)}.${mac}`)).toBe(null);
  });
});

test("the shortest and the longest parts are read", () => {
  expect(parsePreview(`p2.k.1.2.f.${mac}`)).toMatchObject({ kid: "k", expires: 1, epoch: 2, featureId: "f" });
  expect(parsePreview(`p2.${"k".repeat(32)}.zzzzzzzzzz.zzzzzzzzzz.f.${mac}`)).toMatchObject({
    expires: 36 ** 10 - 1,
  });
});
