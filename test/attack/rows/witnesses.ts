// Latency and errors: who is a witness, and what a request that never ends is worth.
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "../browser.ts";
import type { Behaviour, Visit } from "../site.ts";
import { GOOD, isTreated, lookAndAct, type Scene, type Story } from "../story.ts";

const ASSETS = 24;
const SLOW_MS = 2_000;

const later = ({ response }: Visit, ms: number, body = "at last"): true => {
  setTimeout(() => response.end(body), ms);
  return true;
};

/** The page itself, and what scripts ask for, under what `answer` does to it. */
const pages =
  (isHit: (visit: Visit) => boolean, answer: (visit: Visit) => void) => (): Behaviour => (visit) => {
    if (visit.path.startsWith("/assets") || !isHit(visit)) return false;
    answer(visit);
    return true;
  };
const treated = ({ isTreated: is }: Visit): boolean => is;
const everybody = (): boolean => true;

const slowPage = (isHit: (visit: Visit) => boolean) =>
  pages(isHit, (visit) => {
    visit.request.resume();
    const body = `<!doctype html>${visit.isTreated ? "the new thing" : "as ever"}`;
    setTimeout(() => visit.response.writeHead(200, { "content-type": "text/html" }).end(body), SLOW_MS);
  });

const withAssets =
  (load: (browser: Browser, path: string) => Promise<unknown>) =>
  async (browser: Browser, scene: Scene): Promise<void> => {
    const page = await browser.open(scene.path("/page"));
    await Promise.all(
      Array.from({ length: ASSETS }, (_, i) => load(browser, scene.path(`/assets/${i}.png`))),
    );
    const { treatment, holdout } = GOOD;
    if (scene.random() < (isTreated(page) ? treatment : holdout)) await browser.submit(scene.path("/act"));
  };

const assets: Story[] = [
  {
    title: "a page of 2 s with many fast pictures",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    visitorsPerSecond: 8,
    site: slowPage(treated),
    visit: withAssets((browser, path) => browser.load(path)),
  },
  {
    title: "a page of 2 s, with many HEAD and OPTIONS requests of its visitors",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    visitorsPerSecond: 8,
    site: slowPage(treated),
    visit: withAssets((browser, path) =>
      browser.call(path, { method: path.endsWith("1.png") ? "OPTIONS" : "HEAD" }),
    ),
  },
  {
    title: "a page of 2 s that asks its API often, judged by documents",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    visitorsPerSecond: 8,
    rule: { latency: { of: "documents" } },
    site: slowPage((visit) => visit.isTreated && visit.path === "/page"),
    visit: withAssets((browser, path) => browser.call(path.replace("/assets/", "/api/").replace(".png", ""))),
  },
  {
    title: "a fast page with many fast pictures",
    healthy: true,
    outcome: "kept",
    seconds: 40,
    visitorsPerSecond: 8,
    visit: withAssets((browser, path) => browser.load(path)),
  },
  {
    title: "a fast page with slow pictures in treatment",
    healthy: true,
    outcome: "kept",
    seconds: 40,
    visitorsPerSecond: 8,
    site: () => (visit) =>
      visit.isTreated && visit.path.endsWith("/1.png") ? later(visit, SLOW_MS, "picture") : false,
    visit: withAssets((browser, path) =>
      path.endsWith("/1.png") || path.endsWith("/2.png") ? browser.load(path) : Promise.resolve(),
    ),
  },
];

const leaving =
  (ms: number, more: object = {}) =>
  async (browser: Browser, scene: Scene): Promise<void> => {
    const page = await browser.open(scene.path("/page"), { leaveAfterMs: ms, ...more });
    if (page.status === 200 && scene.random() < GOOD.holdout) await browser.submit(scene.path("/act"));
  };
const never = pages(treated, ({ request }) => request.resume());

const silence: Story[] = [
  {
    title: "pages never answer, and visitors leave after 300 ms",
    healthy: false,
    outcome: "closed",
    seconds: 60,
    site: never,
    visit: leaving(300),
  },
  {
    title: "pages never answer, and visitors leave after 1.5 s",
    healthy: false,
    outcome: "closed",
    seconds: 60,
    site: never,
    visit: leaving(1_500),
  },
  {
    title: "pages never answer, and visitors leave by closing their side only",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    site: never,
    visit: leaving(1_500, { halfClose: true }),
  },
  {
    title: "pages never answer, and nothing but waiting is judged",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    rule: { activationThreshold: 0 },
    site: never,
    visit: leaving(1_500),
  },
  {
    title: "a fifth of all visitors leaves after 50 ms",
    healthy: true,
    outcome: "kept",
    seconds: 45,
    site: pages(everybody, (visit) => {
      visit.request.resume();
      const body = visit.isTreated ? "the new thing" : "as ever";
      setTimeout(() => visit.response.writeHead(200, { "content-type": "text/html" }).end(body), 120);
    }),
    visit: (browser, scene) =>
      scene.random() < 0.2
        ? browser.open(scene.path("/page"), { leaveAfterMs: 50 })
        : lookAndAct({ treatment: 0.5, holdout: 0.5 })(browser, scene),
  },
];

const headersThen = (isHit: (visit: Visit) => boolean, rest: (visit: Visit) => void) =>
  pages(isHit, (visit) => {
    visit.request.resume();
    visit.response.writeHead(200, { "content-type": "text/html" });
    visit.response.write(`<!doctype html>${visit.isTreated ? "the new thing" : "as ever"}`);
    rest(visit);
  });

const drip = ({ response }: Visit): void => {
  let pieces = 0;
  const timer = setInterval(() => {
    response.write(".");
    if ((pieces += 1) < 20 && !response.destroyed) return;
    clearInterval(timer);
    response.end();
  }, 100);
};

const bodies: Story[] = [
  {
    title: "headers at once, the body stalls for ever, visitors leave after 1.5 s",
    healthy: false,
    outcome: "closed",
    seconds: 60,
    site: headersThen(treated, () => {}),
    visit: (browser, { path }) => browser.open(path("/page"), { leaveAfterMs: 1_500 }),
  },
  {
    title: "the body stalls for ever, and nothing but waiting is judged",
    healthy: false,
    outcome: "closed",
    seconds: 60,
    rule: { activationThreshold: 0 },
    site: headersThen(treated, () => {}),
    visit: (browser, { path }) => browser.open(path("/page"), { leaveAfterMs: 1_500 }),
  },
  {
    title: "headers at once, the body takes 2 s",
    healthy: false,
    outcome: "closed",
    seconds: 60,
    site: headersThen(treated, drip),
    visit: lookAndAct(GOOD),
  },
  {
    title: "event streams that never end, in both cohorts",
    healthy: true,
    outcome: "open",
    seconds: 45,
    site: () => (visit) => {
      if (visit.path !== "/events") return false;
      visit.response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      return true;
    },
    visit: async (browser, scene) => {
      await lookAndAct(GOOD)(browser, scene);
      await browser.call(scene.path("/events"), {
        leaveAfterMs: 3_000,
        headers: { accept: "text/event-stream" },
      });
    },
  },
];

const failingWith = (status: number, isHit: (visit: Visit) => boolean) =>
  pages(isHit, ({ request, response }) => {
    request.resume();
    response.writeHead(status, { "content-type": "text/html" }).end("sorry");
  });
/** Nothing but errors can tell: the rule asks neither for actions nor for an error rate. */
const onlyLatency = { activationThreshold: 0 };

const errors: Story[] = [
  ...[502, 500, 431].map((status): Story => ({
    title: `treatment answers ${status} at once, and the rule names no error rate`,
    healthy: false,
    outcome: "closed",
    seconds: 60,
    rule: onlyLatency,
    site: failingWith(status, treated),
    visit: (browser, { path }) => browser.open(path("/page")),
  })),
  {
    title: "treatment's connections break, and the rule names no error rate",
    healthy: false,
    outcome: "closed",
    seconds: 60,
    rule: onlyLatency,
    site: pages(treated, ({ request }) => request.socket.destroy()),
    visit: (browser, { path }) => browser.open(path("/page")),
  },
  {
    title: "the site answers 502 to both cohorts",
    healthy: true,
    outcome: "open",
    seconds: 45,
    site: failingWith(502, everybody),
    visit: (browser, { path }) => browser.open(path("/page")),
  },
];

const uploads = (at: number) => ({
  method: "POST",
  body: "x".repeat(4_000),
  uploadPieces: at,
});

/** `times` of them at a time, for as long as the story goes on. */
const keepDoing = async (scene: Scene, times: number, act: () => Promise<unknown>): Promise<void> => {
  const doing = async (): Promise<void> => {
    while (!scene.signal.aborted) {
      await act();
      await sleep(10);
    }
  };
  await Promise.all(Array.from({ length: times }, doing));
};

const findTreated = async (scene: Scene, address: string): Promise<Browser> => {
  for (let tries = 0; tries < 60; tries += 1) {
    const browser = scene.attacker(address);
    if (isTreated(await browser.open(scene.path("/page")))) return browser;
  }
  throw new Error("no visitor in treatment");
};

const oneVisitor: Story[] = [
  {
    title: "one visitor sends 20 slow uploads at a time",
    healthy: true,
    outcome: "kept",
    seconds: 60,
    visit: lookAndAct(GOOD),
    attack: async (scene) => {
      const visitor = await findTreated(scene, "200.1.1.1");
      await keepDoing(scene, 20, () => visitor.submit(scene.path("/upload"), uploads(20)));
    },
  },
  {
    title: "one visitor reads 20 large pages slowly at a time",
    healthy: true,
    outcome: "kept",
    seconds: 60,
    site: () => (visit) => {
      if (visit.path !== "/report") return false;
      visit.response.writeHead(200, { "content-type": "text/html" }).end("r".repeat(4_000_000));
      return true;
    },
    visit: lookAndAct(GOOD),
    attack: async (scene) => {
      const visitor = await findTreated(scene, "200.1.2.1");
      await keepDoing(scene, 20, () => visitor.open(scene.path("/report"), { readAfterMs: 2_000 }));
    },
  },
  {
    title: "one visitor asks for a page that is slow in both cohorts, 20 at a time",
    healthy: true,
    outcome: "kept",
    seconds: 60,
    site: () => (visit) => (visit.path === "/report" ? later(visit, SLOW_MS) : false),
    visit: lookAndAct(GOOD),
    attack: async (scene) => {
      const visitor = await findTreated(scene, "200.1.3.1");
      await keepDoing(scene, 20, () => visitor.open(scene.path("/report")));
    },
  },
  {
    title: "one visitor asks for a page that fails in both cohorts, 20 at a time",
    healthy: true,
    outcome: "kept",
    seconds: 60,
    site: () => (visit) => {
      if (visit.path !== "/broken") return false;
      visit.response.writeHead(500).end("broken");
      return true;
    },
    visit: lookAndAct(GOOD),
    attack: async (scene) => {
      const visitor = await findTreated(scene, "200.1.4.1");
      await keepDoing(scene, 20, async () => {
        await visitor.open(scene.path("/broken"));
        await sleep(100);
      });
    },
  },
  {
    title: "treatment takes 2 s for every upload, beside one visitor's 20 fast requests at a time",
    healthy: false,
    outcome: "closed",
    // Nobody attacking, it is closed after 75 s: each second counts as one observation.
    seconds: 90,
    site: () => (visit) => {
      if (visit.path !== "/upload" || !visit.isTreated) return false;
      visit.request.resume();
      visit.request.on("end", () => later(visit, SLOW_MS));
      return true;
    },
    visit: async (browser, scene) => {
      await lookAndAct(GOOD)(browser, scene);
      await browser.submit(scene.path("/upload"), uploads(2));
    },
    attack: async (scene) => {
      const visitor = await findTreated(scene, "200.1.5.1");
      await keepDoing(scene, 20, async () => {
        await visitor.open(scene.path("/page"));
        await sleep(300);
      });
    },
  },
];

const BUSY_S = 5;
const isNight = (scene: Scene): boolean => scene.seconds() % (2 * BUSY_S) > BUSY_S;
const alone = { rolloutBps: 10_000, feature: { holdoutBps: 0 }, rule: onlyLatency };

const lonely: Story[] = [
  {
    title: "no holdout: busy fast times, and a few lonely cold starts at night",
    healthy: true,
    outcome: "open",
    seconds: 70,
    ...alone,
    visitorsPerSecond: (scene) => (isNight(scene) ? 1 : 60),
    site: (scene) => (visit) => (isNight(scene) ? later(visit, 1_300, "the new thing") : false),
    visit: (browser, { path }) => browser.open(path("/page")),
  },
  {
    title: "no holdout: every page takes 2 s",
    healthy: false,
    outcome: "closed",
    seconds: 90,
    ...alone,
    site: slowPage(everybody),
    visit: (browser, { path }) => browser.open(path("/page")),
  },
  {
    title: "no holdout: the nights are fast, and every busy page takes 2 s",
    healthy: false,
    outcome: "closed",
    seconds: 90,
    ...alone,
    visitorsPerSecond: (scene) => (isNight(scene) ? 1 : 30),
    site: (scene) => (visit) => (isNight(scene) ? false : later(visit, SLOW_MS, "the new thing")),
    visit: (browser, { path }) => browser.open(path("/page")),
  },
];

export const witnessRows: readonly (readonly [string, readonly Story[]])[] = [
  ["a slow page among fast assets", assets],
  ["pages that never answer", silence],
  ["bodies that stall", bodies],
  ["errors that nobody asked about", errors],
  ["one visitor's requests", oneVisitor],
  ["latency without a holdout", lonely],
];
