// The explain page: each row says whether the feature is open at all, and apart from that what this visitor gets and why.
import { beforeAll, expect, test } from "vitest";
import { previewToken } from "./support/preview-token.ts";
import { cookieOf, edge, feature, push } from "./support/edge.ts";

let cookie = "";

const FEATURES = [
  feature("feat_closed", { enabled: false }),
  feature("feat_control", { rolloutBps: 0, holdoutBps: 10_000 }),
  feature("feat_all"),
  feature("feat_shop", { routes: [{ path: "/shop/*" }] }),
  feature("feat_us", { targeting: { attribute: "country", operator: "equals", value: "XX" } }),
  feature("feat_users", { unit: "user" }),
];
let revision = 1;

beforeAll(async () => {
  await push({ revision, full: true, features: [...FEATURES, feature("feat_few", { rolloutBps: 0 })] });
  cookie = cookieOf(await edge("/"));
});

/** What the page says of one feature: whether one gets it, and the facts by their names. */
const saidOf = (html: string, featureId: string): Record<string, string> => {
  const card =
    html
      .split("<li ")
      .slice(1)
      .find((text) => text.includes(`<code>${featureId}</code>`)) ?? "";
  const text = (part: string): string => part.replace(/<[^>]*>/g, "");
  const facts = [...card.matchAll(/<dt>(.*?)<\/dt><dd>(.*?)<\/dd>/g)];
  return {
    badge: text(/<span class="badge[^>]*>(.*?)<\/span>/.exec(card)?.[1] ?? ""),
    ...Object.fromEntries(facts.map(([, name = "", value = ""]) => [name, text(value)])),
  };
};

const overlay = async (path: string): Promise<string> =>
  (await edge(`/.sluice/overlay?path=${encodeURIComponent(path)}`, { headers: { Cookie: cookie } })).text();

test("the page says who one is, then what one gets and why, then what would change it", async () => {
  const html = await overlay("");
  const headings = [...html.matchAll(/<h2>([^<]*)/g)].map(([, heading]) => heading);
  expect(headings).toEqual(["Who you are here", "What you get, why, and what would change it"]);
  expect(Object.keys(saidOf(html, "feat_all"))).toEqual([
    "badge",
    "Why",
    "The feature is",
    "Your cohort",
    "Your bucket",
    "What would change it",
  ]);
});

const NO = "○ You do not get it";
const YES = "✓ You get it";
test.each([
  ["feat_closed", "/", "closed for everybody", NO, "the feature is closed", /A person opens it/],
  ["feat_control", "/", "open", NO, /^bucket \d+ is in the holdout/, /A holdout of [\d.]+ % or less/],
  ["feat_all", "/", "open", YES, /^bucket \d+ is below the rollout/, /A rollout of [\d.]+ % or less takes/],
  ["feat_few", "/", "open", NO, /is not reached by/, /A rollout from [\d.]+ % on reaches you; it is 0 % now/],
  ["feat_shop", "/about", "open", NO, /is on none of the feature/, /applies on other pages/],
  ["feat_shop", "/shop/x", "open", YES, /^bucket/, /A rollout of/],
  ["feat_us", "/", "open", NO, "the request is not targeted", /its targeting does not match/],
  ["feat_users", "/", "open", NO, /nobody is signed in/, /^Sign in at the site/],
])(
  "%s on %s is %s; the visitor is told: %s, because %s",
  async (featureId, path, state, badge, why, change) => {
    expect(saidOf(await overlay(path), featureId)).toMatchObject({
      badge,
      Why: typeof why === "string" ? why : expect.stringMatching(why),
      "The feature is": state,
      "What would change it": expect.stringMatching(change),
    });
  },
);

test("the rollout that the page names reaches the visitor, and the one below it does not", async () => {
  const { "What would change it": change = "" } = saidOf(await overlay("/"), "feat_few");
  const bps = Math.round(Number(/from ([\d.]+) %/.exec(change)?.[1]) * 100);
  for (const [rolloutBps, gets] of [
    [bps - 1, false],
    [bps, true],
  ] as const) {
    await push({
      revision: ++revision,
      full: true,
      features: [...FEATURES, feature("feat_few", { rolloutBps })],
    });
    expect(saidOf(await overlay("/"), "feat_few")["badge"]).toBe(gets ? YES : NO);
  }
});

test("a caller without a cookie is told that they are nobody, and hears of nothing but what is open", async () => {
  const text = await (await edge("/.sluice/overlay")).text();
  expect(text).toContain("nobody: no cookie came with the request");
  expect(saidOf(text, "feat_control")).toMatchObject({
    Why: "the request is of no visitor: it has no cookie",
    "Your bucket": "none",
    "What would change it": "Visit a page of the site: it gives you the cookie.",
  });
  expect(text).not.toContain("feat_closed");
  expect(text).not.toContain("feat_us<");
});

test("a preview is said above all else, with the way to end it", async () => {
  const token = await previewToken("feat_closed");
  const opened = await edge(`/.sluice/preview?token=${encodeURIComponent(token)}`);
  const preview = opened.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const text = await (
    await edge("/.sluice/overlay", { headers: { Cookie: `${cookie}; ${preview}` } })
  ).text();
  expect(text).toMatch(/You look at a preview of <code>feat_closed<\/code>.*\/\.sluice\/preview\/end/);
  expect(saidOf(text, "feat_closed")).toMatchObject({ badge: "! You get it by a preview" });
});

test("a person with a link that is no good reads a page of the same look, which runs no script", async () => {
  const answer = await edge("/.sluice/preview?token=p2.x", { headers: { Accept: "text/html" } });
  expect([answer.status, answer.headers.get("Content-Type")]).toEqual([403, "text/html; charset=UTF-8"]);
  expect(answer.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
  expect(await answer.text()).toContain("the preview link is malformed");
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
