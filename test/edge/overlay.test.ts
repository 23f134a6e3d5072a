// The explain page: each row says whether the feature is open at all, and apart from that what this visitor gets and why.
import { beforeAll, expect, test } from "vitest";
import { cookieOf, edge, feature, push } from "./support/edge.ts";

let cookie = "";

beforeAll(async () => {
  const features = [
    feature("feat_closed", { enabled: false }),
    feature("feat_control", { rolloutBps: 0, holdoutBps: 10_000 }),
    feature("feat_all"),
    feature("feat_shop", { routes: [{ path: "/shop/*" }] }),
  ];
  await push({ revision: 1, full: true, features });
  cookie = cookieOf(await edge("/"));
});

const cellsOf = (html: string, featureId: string): string[] => {
  const row = html.split("<tr>").find((text) => text.includes(`<code>${featureId}</code>`)) ?? "";
  return [...row.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell = ""]) => cell.replace(/<[^>]*>/g, ""));
};

const overlay = async (path: string): Promise<string> =>
  (await edge(`/.sluice/overlay?path=${encodeURIComponent(path)}`, { headers: { Cookie: cookie } })).text();

test("the columns ask about the feature first and about the visitor then", async () => {
  const headings = [...(await overlay("")).matchAll(/<th>([^<]*)/g)].map(([, heading]) => heading);
  expect(headings).toEqual(["Feature", "The feature is", "You get it", "Why", "Your cohort", "Your bucket"]);
});

test.each([
  ["feat_closed", "/", "closed for everybody", "no", "the feature is closed"],
  ["feat_control", "/", "open", "no", expect.stringMatching(/^bucket \d+ is in the holdout/)],
  ["feat_all", "/", "open", "yes", expect.stringMatching(/^bucket \d+ is below the rollout/)],
  ["feat_shop", "/about", "open", "no", "GET /about is on none of the feature&#39;s routes"],
  ["feat_shop", "/shop/x", "open", "yes", expect.stringMatching(/^bucket/)],
])("%s on %s is %s; the visitor gets it: %s", async (featureId, path, state, gets, why) => {
  expect(cellsOf(await overlay(path), featureId)).toEqual([
    featureId,
    state,
    gets,
    why,
    expect.stringMatching(/^(treatment|holdout|off)$/),
    expect.stringMatching(/^\d{1,4}$/),
  ]);
});

test("a caller without a cookie is told that they are no visitor, and no cohort", async () => {
  const text = await (await edge("/.sluice/overlay")).text();
  expect(text).toContain("No visitor: no cookie came with the request");
  expect(cellsOf(text, "feat_control").slice(3)).toEqual([
    "the request is of no visitor: it has no cookie",
    "off",
    "",
  ]);
});

test("the page runs no script, and text of the request stays text", async () => {
  const response = await edge(`/.sluice/overlay?path=${encodeURIComponent('/x"><script>alert(1)</script>')}`);
  expect(response.headers.get("Content-Security-Policy")).toMatch(
    /default-src 'none'.*frame-ancestors 'self'/,
  );
  const text = await response.text();
  expect(text).not.toContain("<script");
  expect(text).toContain("feat_shop");
});
