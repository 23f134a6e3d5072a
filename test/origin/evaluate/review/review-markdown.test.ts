// A review as Markdown.
import { expect, test } from "vitest";
import { pricesOf } from "../../../../origin/evaluate/review/burn.ts";
import { reviewMarkdown } from "../../../../origin/evaluate/review/review-markdown.ts";
import type { Review } from "../../../../origin/evaluate/review/review.ts";

const EMPTY: Review = {
  since: "2026-11-19T08:00:00.000Z",
  until: "2026-11-26T08:00:00.000Z",
  terms: { openDays: 30, engagementBelow: 0.005, minUnits: 1_000, decidedDays: 30, undecidedDays: 14 },
  prices: pricesOf({ currency: "USD" }),
  openFeatures: 12,
  totals: { rolledBack: 0, undecided: 0, removable: 0, zombies: 0, quiet: 0 },
  rolledBack: [],
  undecided: [],
  removable: [],
  zombies: [],
  quiet: [],
};

test("a week without news is three lines", () => {
  expect(reviewMarkdown(EMPTY)).toBe(
    "# Review of 2026-11-19 to 2026-11-26\n\n12 features are open. Nothing needs a look.\n",
  );
});

test("texts of others are texts: markup, mentions and lines in them do nothing", () => {
  const rolledBack = {
    featureId: "feat_a",
    owner: "*team*",
    at: "2026-11-25T10:11:12.000Z",
    actor: "hook:am",
    reason: "Errors (alert of am): <!channel> [click](javascript:1)\n# heading | @here `code`",
    revision: 7,
    signals: [],
    alert: null,
    isOpenAgain: true,
  };
  const text = reviewMarkdown({
    ...EMPTY,
    totals: { ...EMPTY.totals, rolledBack: 22 },
    rolledBack: [rolledBack],
  });
  expect(text).toContain(
    "- `feat_a` (\\*team\\*) at 2026-11-25 10:11 UTC by hook:am: Errors \\(alert of am\\): &lt;\\!channel\\> \\[click\\]\\(javascript:1\\) \\# heading \\| \\@here \\`code\\`. It is open again\n- and 21 more\n",
  );
});

test("a zombie says its share, what it burns, and what is not known", () => {
  const zombie = {
    featureId: "feat_z",
    owner: null,
    openDays: 41,
    engagement: {
      by: "return",
      units: 12_000,
      engaged: 12,
      rate: 0.001,
      atMost: 0.0021,
      windowSeconds: 604_800,
    },
    burn: {
      requests: { value: 1_200_000, why: null },
      latency: {
        value: { meanMs: 12.34, p95Ms: 40, treatmentRequests: 900, holdoutRequests: 900 },
        why: null,
      },
      requestCost: { value: 0.36, why: null },
      latencyCost: { value: null, why: "no price of an hour of the upstream's time is set" },
    },
  } as const;
  const text = reviewMarkdown({ ...EMPTY, totals: { ...EMPTY.totals, zombies: 1 }, zombies: [zombie] });
  expect(text).toContain(
    "- `feat_z`, open 41 days: 0.10 % of 12,000 come back within 7 d (at most 0.21 %); at least 1,200,000 requests, 12.3 ms more than the holdout on average; cost 0.36 USD for requests, of its time unknown (no price of an hour of the upstream's time is set).",
  );
  expect(text).toContain(
    "a million requests: 0.3 USD (https://developers.cloudflare.com/workers/platform/pricing/, as others quoted it on 2026-08-03)",
  );
});
