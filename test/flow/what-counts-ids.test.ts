// What ids and rules may be, on the whole stack: whoever is treated is counted, and nobody is counted as somebody else.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { pageOf, startCountedWorld, type CountedWorld } from "../attack/counted-world.ts";
import { makeSignIn, type SignIn } from "../attack/sign-in.ts";
import { isTreated, RULE } from "../attack/story.ts";
import { networkOf } from "../attack/world.ts";
import { eventually } from "../support/stack.ts";

vi.setConfig({ testTimeout: 120_000 });

let world: CountedWorld;
let signIn: SignIn;

beforeAll(async () => {
  signIn = await makeSignIn();
  world = await startCountedWorld({
    edgeVars: signIn.edgeVars,
    originEnv: { RAW_SAMPLE_BPS: "100", RAW_SLOW_MS: "600000" },
  });
});
afterAll(() => world.stop());

const countOf = async (featureId: string, count: number): Promise<void> =>
  eventually(async () => (await world.exposedUnits(featureId)).length >= count, 20_000);

describe("a signed-in user's id", () => {
  /** Pages that show the feature, of users with these ids, given as JSON. */
  const visitAs = async (featureId: string, ids: readonly string[]): Promise<number> => {
    let treated = 0;
    for (const [i, id] of ids.entries()) {
      const headers = await signIn.headersOf(id);
      const page = await world.visitor(networkOf(i)).open(pageOf(featureId), { headers });
      expect(page.status).toBe(200);
      if (isTreated(page)) treated += 1;
    }
    return treated;
  };

  test("counts up to 256 bytes, and whoever has a longer one is never treated and not counted", async () => {
    const fits = ["界".repeat(85), "a".repeat(256), "😀".repeat(64)];
    const tooLong = ["界".repeat(86), "界".repeat(100), "a".repeat(257), "😀".repeat(65)];
    await world.open("feat_bytes", { unit: "user" });
    const treated = await visitAs(
      "feat_bytes",
      [...fits, ...tooLong].map((id) => JSON.stringify(id)),
    );
    await countOf("feat_bytes", treated);
    const units = await world.exposedUnits("feat_bytes");
    expect(units).toHaveLength(treated);
    for (const id of fits) expect(units).toContain(id);
    for (const id of tooLong) expect(units).not.toContain(id);
  });

  test("that is not well-formed text breaks no page and is nobody's unit", async () => {
    await world.open("feat_malformed", { unit: "user" });
    const ids = ['"\\ud800"', '"a\\udc00b"', '"\\udfff\\ud800"', '"a\\u0000b"', '"somebody"'];
    const treated = await visitAs("feat_malformed", ids);
    await countOf("feat_malformed", treated);
    const units = await world.exposedUnits("feat_malformed");
    expect(units).toHaveLength(treated);
    expect(units).toContain("somebody");
  });

  test("that is a number beyond 2^53 never makes one unit of two people", async () => {
    await world.open("feat_numbers", { unit: "user" });
    const beyond = ["9007199254740992", "9007199254740993", "18446744073709551615", "18446744073709551616"];
    const treated = await visitAs("feat_numbers", [...beyond, '"9007199254740993"', "9007199254740991"]);
    await countOf("feat_numbers", treated);
    const units = await world.exposedUnits("feat_numbers");
    expect(units).toHaveLength(treated);
    expect(units).toContain("9007199254740991");
    expect(units).toContain("9007199254740993");
    expect(units).not.toContain("9007199254740992");
  });
});

test.each([".", ".."])("a feature cannot be called %s, which no URL can carry", async (featureId) => {
  const response = await world.ask("POST", "/features", { featureId });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("must not be . or ..");
});

describe("a rule that cannot work", () => {
  const put = async (rule: object, holdoutBps: number) => {
    const featureId = `feat_rule_${Math.random().toString(36).slice(2)}`;
    const feature = { featureId, rolloutBps: 5_000, holdoutBps };
    expect((await world.ask("POST", "/features", feature)).status).toBe(201);
    const response = await world.ask("PUT", `/features/${featureId}/rule`, { ...RULE, ...rule });
    return { status: response.status, text: await response.text() };
  };

  test.each([
    [
      "a retention window below the default returnAfterSeconds",
      { retentionWindowSeconds: 3_600, returnAfterSeconds: undefined },
    ],
    ["a retention window of returnAfterSeconds", { retentionWindowSeconds: 60, returnAfterSeconds: 60 }],
  ])("for %s is refused, since nobody could return", async (_, rule) => {
    const { status, text } = await put({ ...rule, retentionThreshold: 0.25 }, 1_000);
    expect(status).toBe(400);
    expect(text).toContain("returnAfterSeconds");
  });

  test("for a comparison with a holdout of nobody is refused", async () => {
    const rule = { compare: { activation: "holdout" } };
    expect((await put(rule, 1_000)).status).toBe(201);
    const { status, text } = await put(rule, 0);
    expect(status).toBe(400);
    expect(text).toContain("compare.activation");
  });

  test("for a comparison keeps its holdout until the rule is changed, and the edge keeps it too", async () => {
    const featureId = "feat_keeps_holdout";
    const state = { holdoutBps: 5_000 };
    await world.launch({
      featureId,
      rolloutBps: 5_000,
      state,
      rule: { ...RULE, compare: { activation: "both" } },
    });
    const version = async () =>
      ((await (await world.ask("GET", `/features/${featureId}`)).json()) as { version: number }).version;
    const ifMatch = async () => ({ "if-match": `"${await version()}"` });
    const taking = { rolloutBps: 5_000, holdoutBps: 0, reason: "test" };
    for (const [method, path] of [
      ["POST", "/rollout"],
      ["PUT", ""],
    ] as const) {
      const response = await world.ask(method, `/features/${featureId}${path}`, taking, await ifMatch());
      expect(response.status).toBe(400);
      expect(await response.text()).toContain("compare.activation");
    }
    const rule = await world.ask("PUT", `/features/${featureId}/rule`, RULE, await ifMatch());
    expect(rule.status).toBe(200);
    expect((await world.ask("POST", `/features/${featureId}/rollout`, taking)).status).toBe(200);
  });
});

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

test.each([
  ["of zeros", `00-${"0".repeat(32)}-${"0".repeat(16)}-00`],
  ["with a trace of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
  ["with a parent of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
  ["of version ff", `ff-${TRACE}-${SPAN}-01`],
  ["in capitals", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ["that is none", "hello"],
])("40 visits with a traceparent %s are counted as 40", async (name, traceparent) => {
  const featureId = `feat_trace_${name.replaceAll(" ", "_")}`;
  await world.open(featureId);
  const headers = { traceparent };
  await Promise.all(
    Array.from({ length: 40 }, (_, i) => world.visitor(networkOf(i)).open(pageOf(featureId), { headers })),
  );
  await countOf(featureId, 40);
  expect(await world.exposedUnits(featureId)).toHaveLength(40);
});

test("otel_spans keeps the share of the edge's traces that it is asked to keep", async () => {
  const featureId = "feat_sampled";
  await world.open(featureId);
  const visits = 2_000;
  for (let i = 0; i < visits; i += 50)
    await Promise.all(
      Array.from({ length: 50 }, (_, k) => world.visitor(networkOf(i + k)).open(pageOf(featureId))),
    );
  await countOf(featureId, visits);
  // A visit is one trace or two. Of 2,000 to 4,000, 20 to 40 are expected at 1 %; five standard deviations beyond.
  const traces = await world.countRawTraces(featureId);
  expect(traces).toBeGreaterThan(1);
  expect(traces).toBeLessThan(75);
});
