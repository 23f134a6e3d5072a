// Who is counted: only a person's own visit makes a unit, and no network can make many.
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "../browser.ts";
import { BAD, CLEARLY_GOOD, GOOD, isTreated, lookAndAct, PATIENT, type Scene, type Story } from "../story.ts";

const UA = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };

/** What comes with a visit and is nobody's: three of them without a cookie. */
const NOISE: readonly ((browser: Browser, scene: Scene) => Promise<unknown>)[] = [
  (browser, { path }) => browser.load(path("/manifest.json"), { withCookie: false }),
  (browser, { path }) => browser.send({ path: path("/robots.txt"), headers: UA, withCookie: false }),
  (browser, { path }) => browser.call(path("/page"), { method: "HEAD", withCookie: false }),
  (browser, { path }) => browser.call(path("/act"), { method: "OPTIONS", withCookie: false }),
  (browser, { path }) => browser.call(path("/api/prices"), { withCookie: false }),
  (browser, { path }) => browser.load(path("/assets/1.png"), { withCookie: false }),
  (browser, { path }) =>
    browser.open(path("/page"), {
      headers: { "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)" },
      withCookie: false,
    }),
  (browser, { path }) =>
    browser.send({ path: path("/page"), headers: { accept: "text/html" }, withCookie: false }),
];

const noisily =
  (shares: { treatment: number; holdout: number }) =>
  async (browser: Browser, scene: Scene): Promise<void> => {
    await lookAndAct(shares)(browser, scene);
    for (let i = 0; i < 3; i += 1) await NOISE[Math.floor(scene.random() * NOISE.length)]?.(browser, scene);
  };

const nobody: Story[] = [
  {
    title: "people act, and their browsers send much that carries no cookie",
    healthy: true,
    outcome: "kept",
    seconds: 50,
    rule: PATIENT,
    visitorsPerSecond: 15,
    visit: noisily(CLEARLY_GOOD),
  },
  {
    title: "people act less, and their browsers send much that carries no cookie",
    healthy: false,
    outcome: "closed",
    seconds: 60,
    visitorsPerSecond: 15,
    visit: noisily(BAD),
  },
];

const prefetched =
  (headers: Record<string, string>) =>
  (shares: { treatment: number; holdout: number }) =>
  async (browser: Browser, scene: Scene): Promise<void> => {
    await lookAndAct(shares)(browser, scene);
    await browser.open(scene.path("/page"), { headers });
    await browser.open(scene.path("/act"), { headers });
  };

const KINDS: readonly (readonly [string, Record<string, string>])[] = [
  ["Sec-Purpose: prefetch", { "sec-purpose": "prefetch" }],
  ["Sec-Purpose: prefetch;prerender", { "sec-purpose": "prefetch;prerender" }],
  ["Purpose: prefetch", { purpose: "prefetch" }],
  ["X-Moz: prefetch", { "x-moz": "prefetch" }],
];

/** The browser fetches the link that activates ahead for everybody; only some follow it. */
const linkAhead =
  (headers: Record<string, string>, shares: { treatment: number; holdout: number }) =>
  async (browser: Browser, scene: Scene): Promise<void> => {
    const page = await browser.open(scene.path("/page"));
    await browser.open(scene.path("/act"), { headers });
    const share = page.body.includes("the new thing") ? shares.treatment : shares.holdout;
    if (scene.random() < share) await browser.open(scene.path("/act"));
  };

const ahead: Story[] = [
  ...KINDS.map(([name, headers]): Story => ({
    title: `nobody in treatment follows the link that activates, and it is fetched ahead (${name})`,
    healthy: false,
    outcome: "closed",
    seconds: 60,
    feature: { activation: { path: "/*", method: "GET", status: 202 } },
    site: () => (visit) => {
      if (visit.path !== "/act") return false;
      visit.response.writeHead(202).end("done");
      return true;
    },
    visit: linkAhead(headers, { treatment: 0.02, holdout: 0.41 }),
  })),
  {
    title: "people act, and pages are fetched ahead for four times as many who never come",
    healthy: true,
    outcome: "kept",
    seconds: 60,
    rule: PATIENT,
    // Were those who never come counted, 12 % would act, and nothing would prove the floor of 25 %.
    visit: (browser, scene) =>
      scene.random() < 0.8
        ? browser.open(scene.path("/page"), { headers: { "sec-purpose": "prefetch" } })
        : prefetched({ "sec-purpose": "prefetch" })(CLEARLY_GOOD)(browser, scene),
    visitorsPerSecond: 40,
  },
];

/** Comes without a cookie each time, as fast as asked. */
const flood = async (
  scene: Scene,
  options: {
    requests: number;
    perSecond: number;
    address: (i: number) => string;
  },
): Promise<void> => {
  const under = new Set<Promise<unknown>>();
  for (let i = 0; i < options.requests && !scene.signal.aborted; i += 1) {
    const sent = scene.attacker(options.address(i)).open(scene.path("/page"));
    under.add(sent);
    void sent.finally(() => under.delete(sent));
    await sleep(1_000 / options.perSecond);
  }
  await Promise.allSettled(under);
};

const whenKept =
  (attack: (scene: Scene) => Promise<unknown>) =>
  async (scene: Scene): Promise<void> => {
    await scene.kept;
    await attack(scene);
  };

const floodOf = (requests: number, address: (i: number) => string) => (scene: Scene) =>
  flood(scene, { requests, perSecond: 300, address });
const oneAddress = () => "201.1.1.9";
const manyOfOneNetwork = (i: number) => `2001:db8:77:${(i % 60_000).toString(16)}::${(i % 255).toString(16)}`;
const networks = (count: number) => (i: number) =>
  `202.${Math.floor((i % count) / 256)}.${(i % count) % 256}.5`;

const steadily = (perSecond: number, address: (i: number) => string) => (scene: Scene) =>
  flood(scene, { requests: 1_000_000, perSecond, address });

const floods: Story[] = [
  {
    title: "1,500 visits without a cookie from one address, against a kept feature",
    healthy: true,
    outcome: "kept",
    afterKeep: true,
    seconds: 25,
    rule: PATIENT,
    visit: lookAndAct(CLEARLY_GOOD),
    attack: whenKept(floodOf(1_500, oneAddress)),
  },
  {
    title: "1,500 visits without a cookie from one IPv6 /48, against a kept feature",
    healthy: true,
    outcome: "kept",
    afterKeep: true,
    seconds: 25,
    rule: PATIENT,
    visit: lookAndAct(CLEARLY_GOOD),
    attack: whenKept(floodOf(1_500, manyOfOneNetwork)),
  },
  {
    title: "20 visits a second without a cookie from one address, from the beginning",
    healthy: true,
    outcome: "kept",
    seconds: 60,
    visit: lookAndAct(GOOD),
    attack: steadily(20, oneAddress),
  },
  {
    title: "treatment's people act less, and one address acts in their place",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    visit: lookAndAct(BAD),
    attack: async (scene) => {
      while (!scene.signal.aborted) {
        const browser = scene.attacker("201.1.2.9");
        const page = await browser.open(scene.path("/page"));
        if (page.body.includes("the new thing")) await browser.submit(scene.path("/act"));
        await sleep(40);
      }
    },
  },
  {
    title: "one address makes visitors, and those in treatment ask for a page that is slow for everybody",
    healthy: true,
    outcome: "kept",
    seconds: 70,
    visit: lookAndAct(GOOD),
    site: () => (visit) => {
      if (visit.path !== "/report") return false;
      setTimeout(() => visit.response.end("at last"), 2_000);
      return true;
    },
    attack: async (scene) => {
      const one = async (): Promise<void> => {
        while (!scene.signal.aborted) {
          const browser = scene.attacker("201.1.3.9");
          const page = await browser.open(scene.path("/page"));
          if (isTreated(page))
            await Promise.all(Array.from({ length: 5 }, () => browser.open(scene.path("/report"))));
          await sleep(100);
        }
      };
      await Promise.all(Array.from({ length: 10 }, one));
    },
  },
  {
    title: "treatment's people act less, and one address comes without a cookie meanwhile",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    visit: lookAndAct(BAD),
    attack: steadily(20, oneAddress),
  },
  {
    title: "a kept feature falls, while one address floods it",
    healthy: false,
    outcome: "closed",
    afterKeep: true,
    seconds: 70,
    visit: (browser, scene) => lookAndAct(scene.sinceKept() > 0 ? BAD : GOOD)(browser, scene),
    attack: whenKept(floodOf(1_500, oneAddress)),
  },
];

/** How many networks it takes: nothing is promised. */
export const manyNetworks: readonly Story[] = [10, 100].flatMap((count): Story[] => [
  {
    title: `1,500 visits without a cookie in 5 s from ${count} networks, against a kept feature`,
    healthy: true,
    outcome: null,
    afterKeep: true,
    seconds: 25,
    visit: lookAndAct(GOOD),
    attack: whenKept(floodOf(1_500, networks(count))),
  },
  {
    title: `visitors from ${count} networks who act in treatment only never, 20 a second, from the beginning`,
    healthy: true,
    outcome: null,
    seconds: 60,
    visit: lookAndAct(GOOD),
    attack: async (scene) => {
      for (let i = 0; !scene.signal.aborted; i += 1) {
        const browser = scene.attacker(networks(count)(i));
        void lookAndAct({ treatment: 0, holdout: 1 })(browser, scene);
        await sleep(50);
      }
    },
  },
]);

/** Asks for the cohort first, and visits only if it is `wanted`. */
const pick = async (
  scene: Scene,
  options: {
    ask: (browser: Browser) => Promise<string>;
    wanted: string;
    identities: number;
    address: (i: number) => string;
  },
): Promise<void> => {
  const under = new Set<Promise<void>>();
  for (let i = 0; i < options.identities && !scene.signal.aborted; i += 1) {
    const browser = scene.attacker(options.address(i));
    const one = async (): Promise<void> => {
      if ((await options.ask(browser)).includes(`"${options.wanted}"`))
        await browser.open(scene.path("/page"));
    };
    const asking = one().finally(() => under.delete(asking));
    under.add(asking);
    if (under.size > 100) await Promise.race(under);
    await sleep(12);
  }
  await Promise.allSettled(under);
};

const byOfrep = (scene: Scene) => async (browser: Browser) => {
  const flag = `/.sluice/ofrep/v1/evaluate/flags/${encodeURIComponent(scene.featureId)}`;
  const answer = await browser.call(flag, {
    method: "POST",
    body: JSON.stringify({ context: {} }),
    headers: { origin: scene.world.edgeUrl, "content-type": "application/json" },
  });
  return answer.body;
};
/** A request that is no visit may bring a cookie; explain then tells what it is in. */
const byExplain =
  (scene: Scene, first: (browser: Browser) => Promise<unknown>) => async (browser: Browser) => {
    await first(browser);
    const answer = await browser.call("/.sluice/explain");
    const { features } = JSON.parse(answer.body) as { features: { featureId: string; cohort: string }[] };
    return `"${features.find(({ featureId }) => featureId === scene.featureId)?.cohort ?? ""}"`;
  };

const sameNetwork = (i: number) => `203.1.1.${i % 250}`;

const picks: Story[] = [
  {
    title: "1,200 identities ask OpenFeature first, and only those of the holdout visit",
    healthy: true,
    outcome: "kept",
    seconds: 60,
    visit: lookAndAct(GOOD),
    attack: (scene) =>
      pick(scene, { ask: byOfrep(scene), wanted: "holdout", identities: 1_200, address: sameNetwork }),
  },
  {
    title: "1,200 identities ask OpenFeature first, and only those of the holdout visit, and treatment fails",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    visit: lookAndAct(BAD),
    attack: (scene) =>
      pick(scene, { ask: byOfrep(scene), wanted: "holdout", identities: 1_200, address: sameNetwork }),
  },
  {
    title:
      "identities from 60 networks ask OpenFeature first, and only the holdout visits, and treatment fails",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    visit: lookAndAct(BAD),
    attack: (scene) =>
      pick(scene, { ask: byOfrep(scene), wanted: "holdout", identities: 1_200, address: networks(60) }),
  },
  {
    title: "identities fetch a picture, ask explain, and only the holdout visits, and treatment fails",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    visit: lookAndAct(BAD),
    attack: (scene) =>
      pick(scene, {
        ask: byExplain(scene, (browser) => browser.load(scene.path("/assets/1.png"))),
        wanted: "holdout",
        identities: 600,
        address: networks(60),
      }),
  },
  {
    title: "treatment answers 502, while identities from 60 networks make the cohorts unequal",
    healthy: false,
    outcome: "closed",
    seconds: 70,
    site: () => (visit) => {
      if (!visit.isTreated) return false;
      visit.response.writeHead(502).end("sorry");
      return true;
    },
    visit: (browser, { path }) => browser.open(path("/page")),
    attack: (scene) =>
      pick(scene, { ask: byOfrep(scene), wanted: "holdout", identities: 1_200, address: networks(60) }),
  },
];

export const peopleRows: readonly (readonly [string, readonly Story[]])[] = [
  ["requests that are nobody's", nobody],
  ["pages fetched ahead", ahead],
  ["many visits from one network", floods],
  ["identities that pick their cohort", picks],
];
