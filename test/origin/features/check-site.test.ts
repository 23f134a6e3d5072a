// What must hold of all features together: redirects end, and the header for the upstream has room.
import { describe, expect, test } from "vitest";
import { checkSite, type SiteFeature } from "../../../origin/features/check-site.ts";
import type { FeatureChange } from "../../../origin/features/commit-change.ts";
import { newFeature } from "../../../origin/features/new-feature.ts";
import { Gate } from "../../../shared/features/gate.ts";
import type { Route } from "../../../shared/features/route.ts";
import { FeatureId } from "../../../shared/ids.ts";

type Fields = { enabled?: boolean; routes?: readonly Route[]; to?: string; status?: 302 | 303 | 307 };

const siteFeature = (
  id: string,
  { enabled = false, routes = [], to, status = 302 }: Fields,
): SiteFeature => ({
  featureId: FeatureId.parse(id),
  enabled,
  routes,
  redirect: to === undefined ? null : { to, status },
});

const changeOf = (id: string, { enabled = false, routes = [], to, status = 302 }: Fields): FeatureChange => {
  const gate = to === undefined ? null : Gate.parse({ whenClosed: { action: "redirect", to, status } });
  const {
    featureId,
    rule: _,
    ...feature
  } = newFeature({ featureId: FeatureId.parse(id), enabled, routes: [...routes], gate });
  const targeting = { targeting: null, writtenTargeting: null, segments: [] };
  const next = {
    ...feature,
    ...targeting,
    epoch: 1,
    rolloutBeforeBps: null,
    rollbackReason: null,
    latched: false,
  };
  return { featureId, expectedVersion: null, kind: "create", reason: "test", details: {}, next, rule: null };
};

const HOSTS = ["shop.example"];
const reasonOf = (site: readonly SiteFeature[], id: string, fields: Fields): string | null => {
  const refused = checkSite(site, changeOf(id, fields), HOSTS);
  return refused?.error.reason === "invalid" ? (refused.error.errors[0]?.reason ?? null) : null;
};

const on = (path: string, methods?: string[]): { routes: Route[] } => ({
  routes: [methods === undefined ? { path } : { path, methods }],
});

describe("redirects", () => {
  test.each([
    ["A to B and B to A", [siteFeature("a", { ...on("/a"), to: "/b" })], { ...on("/b"), to: "/a" }],
    [
      "by the site's own absolute URL",
      [siteFeature("a", { ...on("/a"), to: "https://shop.example/b" })],
      { ...on("/b"), to: "http://SHOP.example:80/a" },
    ],
    [
      "by other spellings",
      [siteFeature("a", { ...on("/a"), to: "/x/../B/" })],
      { ...on("/b"), to: "//a".slice(1) },
    ],
    [
      "of three",
      [siteFeature("a", { ...on("/a"), to: "/b/1" }), siteFeature("c", { ...on("/c/*"), to: "/a" })],
      { ...on("/b/:id"), to: "/c" },
    ],
    [
      "that keep the method",
      [siteFeature("a", { ...on("/a", ["PUT"]), to: "/b", status: 307 })],
      { ...on("/b", ["PUT"]), to: "/a" },
    ],
  ] satisfies [string, SiteFeature[], Fields][])(
    "that loop %s are refused, and the loop is named",
    (_, site, fields) => {
      expect(reasonOf(site, "new", fields)).toMatch(
        /^leads round in a loop: new redirects to .*a redirects to .*, and new again$/,
      );
    },
  );

  test.each([
    ["to a page on the feature's own route", [], { ...on("/d/*"), to: "/d/./x" }],
    [
      "that another feature redirects to the same page",
      [siteFeature("a", { ...on("/*"), to: "/soon" })],
      { ...on("/b"), to: "/soon" },
    ],
    [
      "to another site's path of the same name",
      [siteFeature("a", { ...on("/a"), to: "https://other.example/b" })],
      { ...on("/b"), to: "/a" },
    ],
    [
      "that a POST follows by GET",
      [siteFeature("a", { ...on("/a", ["POST"]), to: "/b" })],
      { ...on("/b"), to: "/a" },
    ],
    ["one after the other", [siteFeature("a", { ...on("/a"), to: "/b" })], { ...on("/b"), to: "/c" }],
  ] satisfies [string, SiteFeature[], Fields][])("%s are taken", (_, site, fields) => {
    expect(reasonOf(site, "new", fields)).toBe(null);
  });

  test("are not looked at in a change of something else", () => {
    const site = [siteFeature("a", { ...on("/a"), to: "/b" }), siteFeature("new", { ...on("/b"), to: "/a" })];
    const change = {
      ...changeOf("new", { ...on("/b"), to: "/a" }),
      kind: "update" as const,
      details: { edit: { tags: [] } },
    };
    expect(checkSite(site, change, HOSTS)).toBeUndefined();
    expect(checkSite(site, { ...change, details: { edit: { routes: [] } } }, HOSTS)).toBeDefined();
  });
});

describe("the header for the upstream", () => {
  const named = (at: number): string => `feat_${"x".repeat(40)}_${String(at).padStart(4, "0")}`;
  /** 62 bytes each, with `=treatment, `. */
  const many = (count: number, fields: Fields): SiteFeature[] =>
    Array.from({ length: count }, (_, at) => siteFeature(named(at), { enabled: true, ...fields }));

  test("has 4,096 bytes on every page, and the feature that would need more is refused with the figure", () => {
    expect(reasonOf(many(65, {}), named(65), { enabled: true })).toBe(null);
    expect(reasonOf(many(66, {}), named(66), { enabled: true })).toMatch(
      /^would make Sluice-Features 41\d\d bytes long on every page, where 67 open features meet, and 4096 is the limit/,
    );
    expect(reasonOf(many(66, {}), named(66), { enabled: false })).toBe(null);
  });

  test("is counted by route: features that never meet share no header", () => {
    const shop = many(60, on("/shop/*"));
    expect(reasonOf(shop, named(90), { enabled: true, ...on("/blog/*") })).toBe(null);
    expect(reasonOf(many(67, on("/shop/*")), named(90), { enabled: true, ...on("/Shop/:id") })).toMatch(
      /on \/shop\//,
    );
    expect(reasonOf(many(67, on("/shop/*")), named(90), { enabled: true })).toMatch(/on \/shop\//);
    expect(reasonOf(many(67, on("/shop*")), named(90), { enabled: true, ...on("/shoes") })).toBe(null);
  });
});
