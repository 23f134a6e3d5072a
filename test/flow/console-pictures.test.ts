// The console looks as its pictures in docs/console do, in the seeded shop. `npm run screenshots -- --check` compares all of
// them; here each page once, and the dark and the narrow view of two.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { comparePictures } from "../../scripts/pictures/compare-pictures.ts";
import { isCompared, takePictures } from "../../scripts/pictures/console-pictures.ts";
import { startSeededOrigin, type SeededOrigin } from "../../scripts/seed/seeded-origin.ts";
import { startBrowser } from "../support/browser.ts";

let origin: SeededOrigin;
let browser: Browser;

beforeAll(async () => {
  [origin, browser] = await Promise.all([startSeededOrigin(), startBrowser()]);
});
afterAll(async () => {
  await browser.close();
  await origin.stop();
});

const Listed = z.object({
  features: z.array(
    z.object({
      featureId: z.string(),
      enabled: z.boolean(),
      rolledBackAt: z.string().nullable(),
      mode: z.string().nullable(),
      verdict: z.object({ state: z.string() }).nullable(),
    }),
  ),
});

const admin = async (path: string): Promise<unknown> => {
  const headers = { authorization: `Bearer ${origin.adminToken}` };
  return (await fetch(`${origin.url}/admin/v1${path}`, { headers })).json();
};

test("the seeded shop has a feature in each state, and an audit whose chain is unbroken", async () => {
  const { features } = Listed.parse(await admin("/features?limit=100"));
  const stateOf = ({ enabled, rolledBackAt, mode, verdict }: (typeof features)[number]) => {
    if (rolledBackAt !== null) return `rolled back: ${verdict?.state ?? "never looked at"}`;
    return enabled ? `${mode ?? "no rule,"} ${verdict?.state ?? "never looked at"}` : "closed";
  };
  const states = features.map((each) => [each.featureId, stateOf(each)]);
  expect(Object.fromEntries(states)).toEqual({
    feat_ai_descriptions: "shadow ROLLBACK",
    feat_compact_header: "enforce UNDECIDED",
    feat_express_checkout: "enforce WATCH",
    feat_gift_wrap: "rolled back: TESTING",
    feat_loyalty_banner: "no rule, never looked at",
    feat_new_search: "rolled back: ROLLBACK",
    feat_one_page_cart: "enforce WATCH",
    feat_pay_later: "closed",
    feat_price_alerts: "enforce WATCH",
    feat_reviews_v2: "enforce TESTING",
    feat_size_guide: "enforce COLLECTING",
    feat_smart_recs_v1: "rolled back: ROLLBACK",
    feat_summer_sale: "closed",
    feat_wishlist: "shadow COLLECTING",
  });
  expect(await admin("/audit/verify")).toMatchObject({ ok: true });
});

const SUBSET =
  /^(?:[a-z-]*[a-z](?<!-dark|-phone)|features-dark|feature-dark|features-phone|edges-phone-dark)\.png$/;

// Some forty pages, one after the other.
test("each page looks as its picture does", { timeout: 240_000 }, async () => {
  const found: string[] = [];
  for await (const { file, png } of takePictures(
    browser,
    origin,
    (each) => isCompared(each) && SUBSET.test(each),
  )) {
    const kept = await readFile(fileURLToPath(new URL(`../../docs/console/${file}`, import.meta.url)));
    const comparison = comparePictures(kept, png);
    if (!comparison.same) found.push(`${file}: ${comparison.found}`);
  }
  expect(found, "if that is meant: npm run screenshots, look at them, and commit them").toEqual([]);
});
