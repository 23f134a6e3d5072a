// What a visitor and a platform engineer see at the edge, with every real part running.
import { createHmac } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { makeCookieJar } from "../../scripts/demo/cookie-jar.ts";
import { eventually, makeTestStack } from "../support/stack.ts";

const stack = await makeTestStack();
afterAll(() => stack.stop());

const FEATURE = "feat_smart_recs_v1";
type Explained = {
  unit: string;
  revision: number;
  features: { featureId: string; cohort: string; open: boolean }[];
};

const makeVisitor = (cookie?: string) => {
  const jar = makeCookieJar();
  if (cookie !== undefined) jar.keep([cookie], Date.now());
  const get = async (path: string): Promise<Response> => {
    const header = jar.header();
    const response = await fetch(`${stack.edge.url}${path}`, {
      headers: {
        "user-agent": "Mozilla/5.0 Firefox/140.0",
        ...(header === undefined ? {} : { cookie: header }),
      },
    });
    jar.keep(response.headers.getSetCookie(), Date.now());
    return response;
  };
  return {
    jar,
    /** What the page itself shows. */
    seesFeature: async () => (await (await get("/")).text()).includes(`data-feature="${FEATURE}"`),
    explain: async () => (await (await get("/.sluice/explain")).json()) as Explained,
    get,
  };
};

const cohortOf = ({ features }: Explained) => features.find((each) => each.featureId === FEATURE)?.cohort;

const health = async () =>
  (await (await fetch(`${stack.edge.url}/.sluice/health`)).json()) as { revision: number };

const edgeHas = (revision: unknown) => eventually(async () => (await health()).revision >= Number(revision));

const open = async (rolloutBps: number) => {
  const { revision } = await stack.admin("POST", `/features/${FEATURE}/enable`, {
    reason: "test",
    rolloutBps,
  });
  await edgeHas(revision);
};

await stack.admin("POST", "/features", { featureId: FEATURE, rolloutBps: 3000, holdoutBps: 1000 });
await open(3000);

/** A new visitor in the cohort, found by coming until the hash falls so. */
const visitorIn = async (cohort: "treatment" | "holdout") => {
  for (let tries = 0; tries < 500; tries += 1) {
    const visitor = makeVisitor();
    const sees = await visitor.seesFeature();
    if (sees === (cohort === "treatment") && cohortOf(await visitor.explain()) === cohort) return visitor;
  }
  throw new Error(`no visitor in ${cohort}`);
};

test("a cohort is the same over 1,000 requests, a restart of the edge and a raise of the rollout", async () => {
  const treated = await visitorIn("treatment");
  const heldOut = await visitorIn("holdout");
  for (let request = 0; request < 500; request += 1) {
    expect(await treated.seesFeature()).toBe(true);
    expect(await heldOut.seesFeature()).toBe(false);
  }
  const before = [await treated.explain(), await heldOut.explain()];

  await stack.edge.restart();
  expect(await treated.seesFeature()).toBe(true);
  expect(await heldOut.seesFeature()).toBe(false);

  const body = { rolloutBps: 8000, reason: "more" };
  const { revision } = await stack.admin("POST", `/features/${FEATURE}/rollout`, body);
  await edgeHas(revision);
  expect(await treated.seesFeature()).toBe(true);
  expect(await heldOut.seesFeature()).toBe(false);
  const after = [await treated.explain(), await heldOut.explain()];
  expect(after.map(cohortOf)).toEqual(before.map(cohortOf));
  expect(after.map((each) => each.unit)).toEqual(before.map((each) => each.unit));
});

test("who has the feature loses it on the first request after the push, and has it again when it is opened", async () => {
  const visitor = await visitorIn("treatment");
  const body = { reason: "it hurts" };
  const { revision } = await stack.admin("POST", `/features/${FEATURE}/rollback`, body);
  await edgeHas(revision);
  expect(await visitor.seesFeature()).toBe(false);
  expect((await visitor.explain()).features).toMatchObject([{ featureId: FEATURE, open: false }]);
  await open(8000);
  expect(await visitor.seesFeature()).toBe(true);
});

describe("a cookie that Sluice did not sign", () => {
  test.each([
    ["another payload under an old signature", (value: string) => value.replace(/^(v1\.[^.]+\.)./, "$1Z")],
    ["another signature", (value: string) => `${value.slice(0, -4)}AAAA`],
    ["another key id", (value: string) => value.replace(/^v1\.[^.]+/, "v1.k9")],
    ["no signature", (value: string) => value.split(".").slice(0, 3).join(".")],
    ["noise", () => "v1.k1.%%%.%%%"],
    ["nothing", () => ""],
  ])("%s gives a new identity, not an error", async (_, forge) => {
    const victim = await visitorIn("treatment");
    const { unit } = await victim.explain();
    const value = victim.jar.header()?.replace(/^sluice=/, "") ?? "";
    const forged = makeVisitor(`sluice=${forge(value)}; Path=/`);
    const response = await forged.get("/");
    expect(response.status).toBe(200);
    expect((await forged.explain()).unit).not.toBe(unit);
  });

  test("names that visitors send under ours never arrive at the shop", async () => {
    const heldOut = await visitorIn("holdout");
    const response = await fetch(stack.edge.url, {
      headers: {
        cookie: heldOut.jar.header() ?? "",
        "Sluice-Features": `${FEATURE}=treatment`,
        "Sluice-Unit": "somebody-else",
      },
    });
    expect(await response.text()).not.toContain(`data-feature="${FEATURE}"`);
  });
});

describe("a push that Sluice did not sign, or that is old", () => {
  const push = async (options: { body: object; secret?: string; ageS?: number; header?: string }) => {
    const body = JSON.stringify(options.body);
    const [kid = "", secret = ""] = stack.secrets.pushKeys.split(":");
    const t = Math.floor(Date.now() / 1000) - (options.ageS ?? 0);
    const v1 = createHmac("sha256", options.secret ?? secret)
      .update(`${t}.${body}`)
      .digest("hex");
    const response = await fetch(`${stack.edge.url}/.sluice/push`, {
      method: "POST",
      headers: { "Sluice-Signature": options.header ?? `t=${t},kid=${kid},v1=${v1}` },
      body,
    });
    return {
      status: response.status,
      json: (await response.json().catch(() => ({}))) as { revision?: number },
    };
  };
  const nothing = { revision: 10_000_000, full: true, features: [] };

  test("changes nothing: 401, 401, 409", async () => {
    const { revision } = await health();
    expect((await push({ body: nothing, secret: "not the secret" })).status).toBe(401);
    expect((await push({ body: nothing, header: "t=1,kid=k1" })).status).toBe(401);
    expect((await push({ body: nothing, ageS: 310 })).status).toBe(401);
    expect((await push({ body: nothing, ageS: -310 })).status).toBe(401);
    expect(await push({ body: { ...nothing, revision: revision - 1 } })).toMatchObject({
      status: 409,
      json: { revision },
    });
    expect((await health()).revision).toBe(revision);
    await visitorIn("treatment");
  });

  test("a document that is not one is 400", async () => {
    expect((await push({ body: { revision: -1, full: "yes" } })).status).toBe(400);
  });
});

test("a change of a segment reaches the edge for all of its features at once: no request sees a part of it", async () => {
  const groupIs = (value: string) => ({ attribute: "header:x-group", operator: "equals", value });
  const names = Array.from({ length: 6 }, (_, i) => `feat_of_segment_${i}`);
  await stack.admin("POST", "/segments", { segmentId: "secret-group", condition: groupIs("a") });
  for (const featureId of names) {
    const shares = { enabled: true, rolloutBps: 10_000, holdoutBps: 0 };
    const { revision } = await stack.admin("POST", "/features", {
      featureId,
      ...shares,
      targeting: { operator: "and", conditions: [{ segment: "secret-group" }] },
    });
    await edgeHas(revision);
  }
  /** How many of the segment's features one request gets. */
  const countOpen = async (group: string): Promise<number> => {
    const response = await fetch(`${stack.edge.url}/.sluice/explain`, {
      headers: { "user-agent": "Mozilla/5.0 Firefox/140.0", "x-group": group },
    });
    const text = await response.text();
    expect(text).not.toContain("secret-group");
    const { features } = JSON.parse(text) as Explained;
    return features.filter(({ featureId, open: isOpen }) => names.includes(featureId) && isOpen).length;
  };
  expect(await countOpen("a")).toBe(names.length);

  const seen = new Set<number>();
  let isDone = false;
  const watching = Promise.all(
    Array.from({ length: 4 }, async () => {
      for (;;) {
        seen.add(await countOpen("a"));
        if (isDone) return;
      }
    }),
  );
  let last: unknown = 0;
  for (let change = 1; change <= 8; change++) {
    const condition = groupIs(change % 2 === 0 ? "a" : "b");
    const changed = await stack.admin("PUT", "/segments/secret-group", { condition }, { "if-match": "*" });
    expect(changed["changed"]).toHaveLength(names.length);
    last = changed["revision"];
    await edgeHas(last);
  }
  isDone = true;
  await watching;
  expect([...seen].toSorted((a, b) => a - b)).toEqual([0, names.length]);

  const before = await stack.admin(
    "PUT",
    "/segments/secret-group",
    { condition: groupIs("b") },
    { "if-match": "*" },
  );
  await edgeHas(before["revision"]);
  await stack.edge.restart();
  expect([await countOpen("a"), await countOpen("b")]).toEqual([0, names.length]);
}, 60_000);
