// A story: a feature, the people who visit it, and someone who would like another verdict. It is played on the real
// stack until the verdict is there, or for as long as it must not come.
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../../scripts/demo/random.ts";
import type { Browser } from "./browser.ts";
import { TREATED, type Behaviour } from "./site.ts";
import { networkOf, type World } from "./world.ts";

/** `kept`: proven good and open at the end. `open`: not closed. `closed`: rolled back in time. */
export type Outcome = "kept" | "open" | "closed";

type Json = Readonly<Record<string, unknown>>;

export type Scene = {
  readonly world: World;
  readonly featureId: string;
  readonly path: (below: string) => string;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** A browser of an attacker: what it sends is the attack's cost. */
  readonly attacker: (address: string) => Browser;
  /** Waits until the feature is proven good. */
  readonly kept: Promise<void>;
  /** Since `kept`, in seconds; 0 before. */
  readonly sinceKept: () => number;
  readonly seconds: () => number;
};

export type Story = {
  readonly title: string;
  readonly healthy: boolean;
  /** null: it is measured, and nothing is promised. */
  readonly outcome: Outcome | null;
  /** A verdict has to come within; where none may come, it is watched for so long. */
  readonly seconds: number;
  /** The feature is proven good first, and `seconds` are those after. */
  readonly afterKeep?: boolean;
  readonly feature?: Json;
  readonly rolloutBps?: number;
  readonly rule?: Json;
  readonly site?: (scene: Scene) => Behaviour;
  readonly visitorsPerSecond?: number | ((scene: Scene) => number);
  readonly visit: (browser: Browser, scene: Scene) => Promise<unknown>;
  readonly attack?: (scene: Scene) => Promise<unknown>;
};

export type Ending = {
  readonly story: Story;
  readonly featureId: string;
  readonly ended: Outcome;
  readonly held: boolean;
  readonly seconds: number;
  readonly state: string;
  readonly reason: string;
  readonly exposed: { readonly treatment: number; readonly holdout: number };
  readonly attack: { readonly requests: number; readonly networks: number; readonly seconds: number } | null;
};

export const RULE = {
  activationThreshold: 0.25,
  retentionThreshold: 0,
  latencyP95Threshold: 1_000,
  minCohortSize: 60,
  activationWindowSeconds: 3,
  retentionWindowSeconds: 6,
  returnAfterSeconds: 2,
  evaluationWindowSeconds: 600,
  mode: "enforce",
};

/** For stories about people's actions: a slow machine is no slow feature. */
export const PATIENT = { latencyP95Threshold: 5_000 };

const VISITORS_PER_SECOND = 20;
const LOOK_EVERY_MS = 500;
const KEEP_WITHIN_S = 60;
/** All windows of RULE have passed twice by then. */
const STAYS_KEPT_S = 15;

export const isTreated = ({ body }: { body: string }): boolean => body.includes(TREATED);

/** Opens the page and acts on it with the share of those who see what it shows. */
export const lookAndAct =
  (shares: { treatment: number; holdout: number }) =>
  async (browser: Browser, { path, random }: Scene): Promise<void> => {
    const page = await browser.open(path("/page"));
    if (random() < (isTreated(page) ? shares.treatment : shares.holdout)) await browser.submit(path("/act"));
  };

export const GOOD = { treatment: 0.41, holdout: 0.41 };
export const BAD = { treatment: 0.1, holdout: 0.41 };
/**
 * So far above the floor of RULE that KEEP is no matter of luck: 65 people prove it in 999 of 1,000 stories (GOOD: 64 in the
 * median, 152 in 95 of 100, 278 in 999 of 1,000), and 80 bring the 125 fast requests that latency asks for.
 */
export const CLEARLY_GOOD = { treatment: 0.6, holdout: 0.6 };

/** People who come at random times until the signal; resolves when the last has gone. */
export const comeAndGo = async (
  scene: Scene,
  { visitorsPerSecond = VISITORS_PER_SECOND, visit }: Pick<Story, "visitorsPerSecond" | "visit">,
): Promise<void> => {
  const { signal, world, random } = scene;
  const inside = new Set<Promise<unknown>>();
  for (let visitor = Math.floor(random() * 5_000_000); !signal.aborted; visitor += 1) {
    const perSecond = typeof visitorsPerSecond === "number" ? visitorsPerSecond : visitorsPerSecond(scene);
    if (perSecond <= 0) {
      await sleep(200);
      continue;
    }
    const stay = visit(world.visitor(networkOf(visitor)), scene);
    inside.add(stay);
    stay.finally(() => inside.delete(stay)).catch(() => {});
    await sleep((-Math.log(1 - random()) * 1_000) / perSecond);
  }
  await Promise.allSettled(inside);
};

const networkName = (address: string): string => address.split(/[.:]/).slice(0, 3).join(".");

/** What an attack sent. */
class Cost {
  requests = 0;
  readonly networks = new Set<string>();
  private from = 0;
  private to = 0;

  count(address: string): void {
    this.networks.add(networkName(address));
    this.requests += 1;
    this.to = performance.now();
    this.from ||= this.to;
  }
  get seconds(): number {
    return (this.to - this.from) / 1_000;
  }
}

export type OpenScene = Scene & { readonly cost: Cost; readonly proveKept: () => void };

export const makeScene = (world: World, featureId: string, signal: AbortSignal): OpenScene => {
  const cost = new Cost();
  const { promise: kept, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  const began = performance.now();
  let keptAt = 0;
  return {
    world,
    featureId,
    path: (below) => `/${featureId}${below}`,
    random: seededRandom(Math.floor(Math.random() * 2 ** 31)),
    signal,
    attacker: (address) => world.visitor(address, () => cost.count(address)),
    kept,
    sinceKept: () => (keptAt === 0 ? 0 : (performance.now() - keptAt) / 1_000),
    seconds: () => (performance.now() - began) / 1_000,
    cost,
    proveKept: () => {
      keptAt ||= performance.now();
      resolve();
    },
  };
};

/**
 * Whether the story was watched for as long as it says; one that has to end with KEEP and has no attacker, for long enough
 * after KEEP.
 */
const hasSeen = (story: Story, times: { sinceLaunch: number; sinceKept: number }): boolean =>
  story.afterKeep === true
    ? times.sinceKept > story.seconds
    : times.sinceLaunch > story.seconds ||
      (story.outcome === "kept" && story.attack === undefined && times.sinceKept > STAYS_KEPT_S);

export const play = async (world: World, story: Story, featureId: string): Promise<Ending> => {
  const ending = new AbortController();
  const scene = makeScene(world, featureId, ending.signal);
  const { cost } = scene;
  if (story.site !== undefined) world.site.behave(featureId, story.site(scene));
  await world.launch({
    featureId,
    rolloutBps: story.rolloutBps ?? 5_000,
    state: {
      holdoutBps: 5_000,
      routes: [{ path: `/${featureId}/*` }],
      activation: { path: `/${featureId}/act`, method: "POST" },
      ...story.feature,
    },
    rule: { ...RULE, ...story.rule },
  });
  const launched = performance.now();
  const people = comeAndGo(scene, story);
  const attacking = story.attack?.(scene) ?? Promise.resolve();
  attacking.catch(() => {});
  let state = "";
  let reason = "";
  let exposed = { treatment: 0, holdout: 0 };
  try {
    for (;;) {
      await sleep(LOOK_EVERY_MS);
      const { cohorts, latest } = await world.admin.signals(featureId);
      exposed = { treatment: cohorts.treatment.exposed, holdout: cohorts.holdout.exposed };
      state = latest?.state ?? "";
      reason = latest?.decision.reason ?? "";
      if (state === "KEEP" || state === "WATCH") scene.proveKept();
      if (state === "ROLLBACK") break;
      const sinceLaunch = (performance.now() - launched) / 1_000;
      const sinceKept = scene.sinceKept();
      const isWaitingForKeep = story.afterKeep === true && sinceKept === 0;
      if (isWaitingForKeep ? sinceLaunch > KEEP_WITHIN_S : hasSeen(story, { sinceLaunch, sinceKept })) break;
    }
  } finally {
    ending.abort();
    await Promise.race([Promise.allSettled([people, attacking]), sleep(5_000)]);
  }
  const neverKept = story.afterKeep === true && scene.sinceKept() === 0;
  const ended = state === "ROLLBACK" ? "closed" : state === "KEEP" || state === "WATCH" ? "kept" : "open";
  const { outcome } = story;
  return {
    story,
    featureId,
    ended,
    held: outcome === null || (!neverKept && (ended === outcome || (outcome === "open" && ended === "kept"))),
    seconds: (performance.now() - launched) / 1_000,
    state,
    reason,
    exposed,
    attack:
      story.attack === undefined
        ? null
        : { requests: cost.requests, networks: cost.networks.size, seconds: cost.seconds },
  };
};
