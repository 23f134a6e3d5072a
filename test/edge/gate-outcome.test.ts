// The gate outcome of a request whose features have gates, without a Worker around it.
import { describe, expect, test } from "vitest";
import { compileSnapshot } from "../../edge/features/compile-snapshot.ts";
import { answerWhenClosed, decideGate, NO_GATE } from "../../edge/proxy/gate-outcome.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";
import { feature } from "./support/edge.ts";

const routes = [{ path: "/beta/:id" }];
const notFound = { action: "notFound" };

type Fields = Record<string, unknown>;

/** The outcome for a unit that gets the features named in `gets`, and previews `preview`. */
const outcomeOf = (
  features: Record<string, Fields>,
  { path = "/beta/7", method = "GET", gets = [] as string[], preview = null as string | null } = {},
) => {
  const states = Object.entries(features).map(([id, fields]) =>
    encodeFeature(FeatureState.parse(feature(id, fields))),
  );
  const snapshot = compileSnapshot(Revision.parse(1), states);
  const find = (id: string) => snapshot.byId.get(FeatureId.parse(id))!;
  const compared = snapshot.enabled.map((each) =>
    gets.includes(each.featureId) ? each.assignments.treatment : each.assignments.holdout,
  );
  return decideGate(
    snapshot.gated,
    { path, method },
    { compared },
    { url: `http://shop.test${path}`, preview: preview === null ? null : find(preview) },
  );
};

describe("the gate outcome", () => {
  test("of features without a gate is none", () => {
    expect(outcomeOf({ feat_a: { routes } }, { gets: ["feat_a"] })).toBe(NO_GATE);
  });

  test("has a destination for units that get the feature, and for no others", () => {
    const features = { feat_a: { routes, gate: { upstream: "https://next.test", path: "/v2/:id" } } };
    const destination = { upstream: "https://next.test", path: "/v2/7" };
    expect(outcomeOf(features, { gets: ["feat_a"] })).toMatchObject({ destination });
    expect(outcomeOf(features)).toMatchObject({ destination: null });
    expect(outcomeOf(features, { path: "/other", gets: ["feat_a"] })).toMatchObject({ destination: null });
  });

  test("has an answer for units that do not get the feature, on its routes and methods only", () => {
    const gate = { whenClosed: notFound };
    const features = { feat_a: { routes: [{ path: "/beta/:id", methods: ["GET"] }], gate } };
    expect(outcomeOf(features)).toMatchObject({ answer: notFound });
    expect(outcomeOf(features, { gets: ["feat_a"] })).toMatchObject({ answer: null });
    expect(outcomeOf(features, { path: "/other" })).toMatchObject({ answer: null });
    expect(outcomeOf(features, { method: "POST" })).toMatchObject({ answer: null });
    const closed = { feat_a: { ...features.feat_a, enabled: false } };
    expect(outcomeOf(closed)).toMatchObject({ answer: notFound });
  });

  test("never redirects to the page that was asked for", () => {
    const gate = { whenClosed: { action: "redirect", to: "/beta/soon" } };
    expect(outcomeOf({ feat_a: { routes, gate } }).answer).toMatchObject({ to: "/beta/soon", status: 302 });
    expect(outcomeOf({ feat_a: { routes, gate } }, { path: "/beta/soon" }).answer).toBe(null);
  });

  test("never redirects to another spelling of the page that was asked for", () => {
    for (const to of ["/beta/./soon", "/beta/soon/", "http://shop.test/beta/%73oon"]) {
      const features = { feat_a: { routes, gate: { whenClosed: { action: "redirect", to } } } };
      expect([to, outcomeOf(features, { path: "/beta/soon" }).answer]).toEqual([to, null]);
    }
    const elsewhere = { action: "redirect", to: "https://other.test/beta/soon" };
    expect(
      outcomeOf({ feat_a: { routes, gate: { whenClosed: elsewhere } } }, { path: "/beta/soon" }),
    ).toMatchObject({
      answer: elsewhere,
    });
  });

  const leadsTo = (path: string, to: string, more = {}) => ({
    routes: [{ path, ...more }],
    gate: { whenClosed: { action: "redirect", to } },
  });

  test.each([
    ["two features", { feat_a: leadsTo("/a", "/b"), feat_b: leadsTo("/b", "/a") }],
    [
      "two features by other spellings",
      { feat_a: leadsTo("/a", "/B/"), feat_b: leadsTo("/b", "http://shop.test/x/../a") },
    ],
    [
      "three features",
      { feat_a: leadsTo("/a", "/b"), feat_b: leadsTo("/b", "/c"), feat_c: leadsTo("/:any", "/a") },
    ],
  ])("of %s that redirect round in a loop is that there is nothing", (_, features) => {
    expect(outcomeOf(features, { path: "/a" }).answer).toEqual({ action: "notFound" });
  });

  test("of redirects that end is the first of them", () => {
    const features = {
      feat_a: leadsTo("/a", "/b"),
      feat_b: leadsTo("/b", "/c"),
      feat_c: leadsTo("/b", "/a"),
    };
    expect(outcomeOf(features, { path: "/a" }).answer).toMatchObject({ to: "/b" });
    const posted = { feat_a: leadsTo("/a", "/b"), feat_b: leadsTo("/b", "/a", { methods: ["POST"] }) };
    expect(outcomeOf(posted, { path: "/a", method: "POST" }).answer).toMatchObject({ to: "/b" });
    expect(
      outcomeOf(
        { feat_a: leadsTo("/a", "/b"), feat_b: leadsTo("/b", "/a") },
        { path: "/a", gets: ["feat_b"] },
      ).answer,
    ).toMatchObject({ to: "/b" });
  });

  test("keeps a request in the folder of its other path", () => {
    const gate = { path: "/v2/prod/:id" };
    const features = { feat_a: { routes: [{ path: "/prod/:id" }], gate } };
    for (const id of ["..%2Fadmin", "..;x", "..%5C", ".", "x%2F..%2F.."]) {
      const path = `/prod/${id}`;
      expect([id, outcomeOf(features, { path, gets: ["feat_a"] }).destination?.path ?? null]).toEqual([
        id,
        null,
      ]);
    }
    expect(outcomeOf(features, { path: "/prod/a..b", gets: ["feat_a"] }).destination?.path).toBe(
      "/v2/prod/a..b",
    );
  });

  test("without routes has no answer, which would close the whole site", () => {
    expect(outcomeOf({ feat_a: { gate: { whenClosed: notFound } } }).answer).toBe(null);
  });

  test("is that of the feature whose id comes first, when two want the same request", () => {
    const to = (path: string) => ({ routes, gate: { path } });
    const features = { feat_b: to("/from-b"), feat_a: to("/from-a") };
    const both = { gets: ["feat_a", "feat_b"] };
    expect(outcomeOf(features, both).destination?.path).toBe("/from-a");
    expect(outcomeOf(features, { gets: ["feat_b"] }).destination?.path).toBe("/from-b");
  });

  test("tells the page of every feature whether this unit gets it, closed ones too", () => {
    const html = { elements: true, flags: true };
    const features = {
      feat_open: { gate: { html } },
      feat_closed: { gate: { html }, enabled: false },
      feat_flag: { gate: { html: { flags: true } } },
    };
    const { edit } = outcomeOf(features, { gets: ["feat_open"] });
    expect(Object.fromEntries(edit?.elements ?? [])).toEqual({ feat_open: true, feat_closed: false });
    expect(Object.fromEntries(edit?.flags ?? [])).toEqual({
      feat_open: true,
      feat_closed: false,
      feat_flag: false,
    });
  });

  test("of a previewed feature is that of an open one", () => {
    const features = { feat_a: { enabled: false, routes, gate: { path: "/v2", whenClosed: notFound } } };
    expect(outcomeOf(features, { preview: "feat_a" })).toMatchObject({
      destination: { path: "/v2" },
      answer: null,
    });
  });
});

test("an answer for a closed feature is kept by no cache, since the feature may open any time", async () => {
  const missing = answerWhenClosed({ action: "notFound" });
  expect([missing.status, missing.headers.get("Cache-Control")]).toEqual([404, "private, no-store"]);
  expect(await missing.text()).toBe("Not Found\n");
  const moved = answerWhenClosed({ action: "redirect", to: "/soon", status: 307 });
  expect([moved.status, moved.headers.get("Location"), moved.headers.get("Cache-Control")]).toEqual([
    307,
    "/soon",
    "private, no-store",
  ]);
});
