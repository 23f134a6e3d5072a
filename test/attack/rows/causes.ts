// Causes that everybody shares: the end of the traffic, an outage, a night, people of another kind.
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "../browser.ts";
import { BAD, CLEARLY_GOOD, GOOD, lookAndAct, PATIENT, type Scene, type Story } from "../story.ts";

const RETURNING = { retentionThreshold: 0.25, retentionWindowSeconds: 6, returnAfterSeconds: 2 };

/** Looks, perhaps acts, and comes back with the share; not after the signal, as people who have gone. */
const comesBack =
  (shares: (scene: Scene) => { treatment: number; holdout: number }, back: (scene: Scene) => number) =>
  async (browser: Browser, scene: Scene): Promise<void> => {
    await lookAndAct(shares(scene))(browser, scene);
    if (scene.random() >= back(scene)) return;
    await sleep(3_000);
    if (!scene.signal.aborted && back(scene) > 0) await browser.open(scene.path("/page"));
  };
const afterwards =
  <T>(before: T, after: T) =>
  (scene: Scene): T =>
    scene.sinceKept() > 0 ? after : before;

const ends: Story[] = [
  {
    title: "the visitors go after KEEP",
    healthy: true,
    outcome: "kept",
    afterKeep: true,
    seconds: 40,
    rule: RETURNING,
    visitorsPerSecond: afterwards(20, 0),
    visit: comesBack(() => CLEARLY_GOOD, afterwards(0.6, 0)),
  },
  {
    title: "no holdout: the visitors go after KEEP",
    healthy: true,
    outcome: "kept",
    afterKeep: true,
    seconds: 25,
    rule: { ...RETURNING, ...PATIENT },
    rolloutBps: 10_000,
    feature: { holdoutBps: 0 },
    visitorsPerSecond: afterwards(20, 0),
    visit: comesBack(() => CLEARLY_GOOD, afterwards(0.6, 0)),
  },
  {
    title: "after KEEP the site answers 503 to everybody",
    healthy: true,
    outcome: "kept",
    afterKeep: true,
    seconds: 40,
    rule: RETURNING,
    site: (scene) => (visit) => {
      if (scene.sinceKept() === 0) return false;
      visit.response.writeHead(503).end("away");
      return true;
    },
    visit: comesBack(
      () => GOOD,
      () => 0.5,
    ),
  },
  {
    title: "after KEEP comes a campaign of visitors who never act and never return",
    healthy: true,
    outcome: "kept",
    afterKeep: true,
    seconds: 40,
    rule: RETURNING,
    visit: comesBack(afterwards(GOOD, { treatment: 0.02, holdout: 0.02 }), afterwards(0.5, 0)),
  },
  {
    title: "after KEEP the people in treatment act no more",
    healthy: false,
    outcome: "closed",
    afterKeep: true,
    seconds: 60,
    visit: (browser, scene) =>
      lookAndAct(afterwards(GOOD, { treatment: 0.02, holdout: 0.41 })(scene))(browser, scene),
  },
];

const floors: Story[] = [
  {
    title: "a campaign: nobody acts as often as the floor asks, in both cohorts",
    healthy: true,
    outcome: "open",
    seconds: 60,
    visit: lookAndAct({ treatment: 0.1, holdout: 0.1 }),
  },
  {
    title: "treatment acts less than its floor, and less than the holdout",
    healthy: false,
    outcome: "closed",
    seconds: 50,
    visit: lookAndAct(BAD),
  },
];

export const causeRows: readonly (readonly [string, readonly Story[]])[] = [
  ["traffic that ends", ends],
  ["a floor that everybody misses", floors],
];
