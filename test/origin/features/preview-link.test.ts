import { createHmac } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { previewLink, signPreview } from "../../../origin/features/preview-link.ts";
import { isFeatureId } from "../../../shared/ids.ts";
import { parsePreview } from "../../../shared/signing/preview.ts";

const key = { kid: "k1", secret: "a-secret-of-this-test" };
const featureId = fc.stringMatching(/^[A-Za-z0-9_.:/-]{1,128}$/).filter(isFeatureId);

test("a signed preview is read as it was written, and its signature covers all of it", () => {
  fc.assert(
    fc.property(featureId, fc.integer({ min: 1, max: 4_000_000_000 }), (id, expires) => {
      const parsed = parsePreview(signPreview(key, { featureId: id, expires, epoch: 7 }));
      expect(parsed).toMatchObject({ featureId: id, expires, epoch: 7, kid: "k1" });
      const mac = createHmac("sha256", key.secret)
        .update(parsed?.signedPart ?? "")
        .digest("base64url");
      expect(parsed?.mac).toBe(mac);
    }),
  );
});

test("what is no preview is not read as one", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parsePreview(text)).toBe(null);
    }),
  );
});

test("a link carries token and destination to the edge of the site", () => {
  const link = new URL(previewLink("https://shop.example/some/page", "p2.a.b", "/beta?x=1"));
  expect(link.origin + link.pathname).toBe("https://shop.example/.sluice/preview");
  expect(Object.fromEntries(link.searchParams)).toEqual({ token: "p2.a.b", to: "/beta?x=1" });
});
