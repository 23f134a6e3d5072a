// Who is a unit, on the whole stack: what a lowered rollout, a throttled feature and a sign-in change for people.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { bucketOf } from "../../shared/features/assign.ts";
import type { Browser } from "../attack/browser.ts";
import { pageOf, startCountedWorld, type CountedWorld } from "../attack/counted-world.ts";
import { makeSignIn, type SignIn } from "../attack/sign-in.ts";
import { comeAndGo, isTreated, lookAndAct, makeScene, RULE, type Story } from "../attack/story.ts";
import { networkOf } from "../attack/world.ts";
import { eventually } from "../support/stack.ts";

vi.setConfig({ testTimeout: 120_000 });

let world: CountedWorld;
let signIn: SignIn;

beforeAll(async () => {
  signIn = await makeSignIn();
  world = await startCountedWorld({ edgeVars: signIn.edgeVars });
});
afterAll(() => world.stop());

const setRollout = async (featureId: string, rolloutBps: number): Promise<void> => {
  const response = await world.ask("POST", `/features/${featureId}/rollout`, { rolloutBps, reason: "test" });
  expect(response.status).toBe(200);
  const { revision } = (await response.json()) as { revision: number };
  await eventually(async () => {
    const health = await fetch(`${world.edgeUrl}/.sluice/health`);
    return ((await health.json()) as { revision: number }).revision >= revision;
  });
};

type Known = { browser: Browser; bucket: number };

const treatedBuckets = async (featureId: string, people: readonly Known[]): Promise<number[]> => {
  const seen = await Promise.all(people.map(({ browser }) => browser.open(pageOf(featureId))));
  return people
    .filter((_, i) => isTreated(seen[i] ?? { body: "" }))
    .map(({ bucket }) => bucket)
    .toSorted((a, b) => a - b);
};

const comePeople = (featureId: string, count: number): Promise<Known[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const browser = world.visitor(networkOf(5_000 + i));
      await browser.open(pageOf(featureId));
      const { unit } = JSON.parse((await browser.call("/.sluice/explain")).body) as { unit: string };
      return { browser, bucket: bucketOf(featureId, unit) };
    }),
  );

test("a lowered rollout lowers with the next request, and a raised one brings back the same people", async () => {
  const featureId = "feat_lowered";
  await world.open(featureId, { holdoutBps: 1_000 }, 5_000);
  const people = await comePeople(featureId, 120);
  const below = (bps: number) =>
    people
      .map(({ bucket }) => bucket)
      .filter((bucket) => bucket < bps)
      .toSorted((a, b) => a - b);
  const before = await treatedBuckets(featureId, people);
  expect(before).toEqual(below(5_000));
  for (const bps of [2_000, 100, 0, 5_000]) {
    await setRollout(featureId, bps);
    expect(await treatedBuckets(featureId, people), `at ${bps}`).toEqual(below(bps));
  }
});

describe("people whom a lowered rollout takes the feature from", () => {
  type Latest = { state: string; reason: string; leftOut: number };
  const latestOf = async (featureId: string): Promise<Latest> => {
    const { latest } = await world.admin.signals(featureId);
    const [first] =
      (latest?.decision as { evidence?: { tests?: { leftOut: number }[] } })?.evidence?.tests ?? [];
    return {
      state: latest?.state ?? "",
      reason: latest?.decision.reason ?? "",
      leftOut: first?.leftOut ?? 0,
    };
  };
  /** They look first and act 5.5 s later, if they still can. */
  const actLater =
    (shares: { treatment: number; holdout: number }): Story["visit"] =>
    async (browser, { path, random }) => {
      const isNew = isTreated(await browser.open(path("/page")));
      await sleep(5_500);
      if (random() < (isNew ? shares.treatment : shares.holdout)) await browser.submit(path("/act"));
    };
  const launchAndLower = async (
    featureId: string,
    { shares, to }: { shares: { treatment: number; holdout: number }; to: number },
    watch: () => Promise<void>,
  ): Promise<void> => {
    await world.launch({
      featureId,
      rolloutBps: 6_000,
      state: {
        holdoutBps: 4_000,
        routes: [{ path: `/${featureId}/*` }],
        activation: { path: `/${featureId}/act`, method: "POST" },
      },
      rule: { ...RULE, activationWindowSeconds: 7 },
    });
    const ending = new AbortController();
    const scene = makeScene(world, featureId, ending.signal);
    const crowd = comeAndGo(scene, { visitorsPerSecond: 35, visit: actLater(shares) });
    try {
      await sleep(6_000);
      await setRollout(featureId, to);
      await watch();
    } finally {
      ending.abort();
      await crowd;
    }
  };

  test.concurrent("speak neither for it nor against it, and a feature that fails with the others is rolled back", async () => {
    await Promise.all([
      launchAndLower("feat_shrunk", { shares: { treatment: 0.41, holdout: 0.41 }, to: 100 }, async () => {
        await sleep(20_000);
        const { state, reason, leftOut } = await latestOf("feat_shrunk");
        expect(leftOut, reason).toBeGreaterThan(50);
        expect(reason).not.toContain("ROLLBACK");
        expect(["COLLECTING", "TESTING", "KEEP", "WATCH"], reason).toContain(state);
      }),
      launchAndLower("feat_shrunk_bad", { shares: { treatment: 0.05, holdout: 0.41 }, to: 5_000 }, () =>
        eventually(async () => (await latestOf("feat_shrunk_bad")).state === "ROLLBACK", 60_000),
      ),
    ]);
  });
});

test.concurrent("a proven failure that throttles takes the feature from people beyond the lower stage at once", async () => {
  const featureId = "feat_throttled";
  await world.launch({
    featureId,
    rolloutBps: 5_000,
    state: {
      holdoutBps: 5_000,
      routes: [{ path: `/${featureId}/*` }],
      activation: { path: `/${featureId}/act`, method: "POST" },
    },
    rule: { ...RULE, onFailure: "throttle", ramp: { stagesBps: [500, 5_000], minStageSeconds: 3_600 } },
  });
  const ending = new AbortController();
  const visit = lookAndAct({ treatment: 0.05, holdout: 0.41 });
  const crowd = comeAndGo(makeScene(world, featureId, ending.signal), { visitorsPerSecond: 20, visit });
  try {
    const people = await comePeople(featureId, 80);
    expect((await treatedBuckets(featureId, people)).some((bucket) => bucket >= 500)).toBe(true);
    const rollout = async () => {
      const response = await world.ask("GET", `/features/${featureId}`);
      return ((await response.json()) as { rolloutBps: number }).rolloutBps;
    };
    await eventually(async () => (await rollout()) <= 500, 60_000);
    await eventually(
      async () => (await treatedBuckets(featureId, people)).every((bucket) => bucket < 500),
      5_000,
    );
    expect(await rollout()).toBe(500);
  } finally {
    ending.abort();
    await crowd;
  }
});

describe("one person with three browsers", () => {
  const seenIn = async (featureId: string, browser: Browser, headers: Record<string, string> = {}) =>
    isTreated(await browser.open(pageOf(featureId), { headers }));

  test("a user is the same unit in all of them, and nobody is one before signing in", async () => {
    const featureId = "feat_user";
    await world.open(featureId, { unit: "user", holdoutBps: 5_000 }, 5_000);
    const headers = await signIn.headersOf('"person-1"');
    const browsers = [1, 2, 3].map((i) => world.visitor(networkOf(7_000 + i)));
    for (const browser of browsers) expect(await seenIn(featureId, browser)).toBe(false);
    const seen = [];
    for (const browser of browsers) seen.push(await seenIn(featureId, browser, headers));
    expect(new Set(seen).size).toBe(1);
    await eventually(async () => (await world.exposedUnits(featureId)).length > 0, 20_000);
    expect(await world.exposedUnits(featureId)).toEqual(["person-1"]);
  });

  test("a visitor stays the unit that they were when they sign in, and what they do then counts", async () => {
    const featureId = "feat_visitor";
    await world.open(featureId, { holdoutBps: 5_000 }, 5_000);
    const headers = await signIn.headersOf('"person-2"');
    const browsers = Array.from({ length: 8 }, (_, i) => world.visitor(networkOf(7_100 + i)));
    const before = await Promise.all(browsers.map((browser) => seenIn(featureId, browser)));
    const after = await Promise.all(browsers.map((browser) => seenIn(featureId, browser, headers)));
    expect(after).toEqual(before);
    for (const browser of browsers) await browser.submit(`/${featureId}/act`, { headers });
    await eventually(async () => (await world.activatedUnits(featureId)).length === 8, 20_000);
    const exposed = await world.exposedUnits(featureId);
    expect(exposed).toHaveLength(8);
    expect(await world.activatedUnits(featureId)).toEqual(exposed);
  });
});
