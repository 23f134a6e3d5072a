import { createServer } from "node:http";
import { assert as holds, integer, nat, property } from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import {
  type Behaviour,
  drawTemper,
  readMarks,
  sharesFor,
  shopBehaviour,
} from "../../scripts/demo/behaviour.ts";
import { makeCookieJar } from "../../scripts/demo/cookie-jar.ts";
import { visitorRandom } from "../../scripts/demo/random.ts";
import { type VisitorEvent } from "../../scripts/demo/visit.ts";
import { runVisitors } from "../../scripts/demo/visitors.ts";
import { startShop } from "../../scripts/shop/start.ts";
import { listenOnLoopback } from "../support/listen.ts";

const shop = await startShop({ port: 0 });
afterAll(() => shop.stop());
beforeEach(() => {
  shop.setRecommendations({ delayMs: 0, useful: true });
});

const never = new AbortController().signal;
const hasty: Behaviour = { ...shopBehaviour, comeBackAfterMs: [20, 60] };

/** Nobody is turned away, however slow the machine, so that the counts depend on the seed alone. */
const visit = (
  edgeUrl: string,
  seed: number,
  visitors: number,
  onEvent: (event: VisitorEvent) => void = () => {},
) =>
  runVisitors({
    edgeUrl,
    arrivalsPerSecond: 300,
    behaviour: hasty,
    signal: never,
    onEvent,
    seed,
    visitors,
    maxAtOnce: visitors,
  });

/** Stands in front of the shop as a gate would: a unit by cookie, and each second unit gets `features`. */
const startGate = async (features: string) => {
  const requestsByUnit: number[] = [];
  const server = createServer((request, response) => {
    const known = /unit=(\d+)/.exec(request.headers.cookie ?? "")?.[1];
    const unit = known === undefined ? requestsByUnit.push(0) - 1 : Number(known);
    requestsByUnit[unit] = (requestsByUnit[unit] ?? 0) + 1;
    const forward = async (): Promise<void> => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const answer = await fetch(new URL(request.url ?? "/", shop.url), {
        method: request.method ?? "GET",
        redirect: "manual",
        headers: {
          cookie: request.headers.cookie ?? "",
          "content-type": request.headers["content-type"] ?? "",
          ...(unit % 2 === 0 ? { "Sluice-Features": features } : {}),
        },
        ...(request.method === "POST" ? { body } : {}),
      });
      const setCookies = answer.headers.getSetCookie();
      const location = answer.headers.get("location");
      response.writeHead(answer.status, {
        ...(location === null ? {} : { location }),
        "set-cookie": known === undefined ? [`unit=${unit}; Path=/; HttpOnly`, ...setCookies] : setCookies,
      });
      response.end(await answer.text());
    };
    forward().catch((error: unknown) => response.writeHead(502).end(String(error)));
  });
  const { url } = await listenOnLoopback(server);
  return {
    url,
    requestsByUnit,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

describe("cookie jar", () => {
  test("keeps every Set-Cookie, replaces by name and drops what has expired", () => {
    const jar = makeCookieJar();
    jar.keep(["a=1; Path=/", "b=x=y; HttpOnly"], 0);
    expect(jar.header()).toBe("a=1; b=x=y");
    jar.keep(["a=2", "b=; Max-Age=0", "no-pair", "c=3; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], 1000);
    expect(jar.header()).toBe("a=2");
    jar.keep(["d=4; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60"], 1000);
    expect(jar.header()).toBe("a=2; d=4");
  });

  test("sends no header when it is empty", () => {
    expect(makeCookieJar().header()).toBeUndefined();
  });
});

describe("behaviour", () => {
  test("marks are read from the page, with the quality where it is not good", () => {
    const page = `<section data-feature="feat_a" data-quality="poor"><i data-feature="feat_b"></i><b data-feature="feat_c" data-quality="good">`;
    expect(readMarks(page)).toEqual(["feat_a/poor", "feat_b", "feat_c"]);
  });

  test("several features multiply, and no share exceeds one", () => {
    const behaviour: Behaviour = {
      checkout: 0.5,
      comeBack: 0.4,
      comeBackAfterMs: [0, 1],
      effects: { a: { checkout: 0.5, comeBack: 0.5 }, b: { checkout: 8, comeBack: 1 } },
    };
    expect(sharesFor(behaviour, new Set())).toEqual({ checkout: 0.5, comeBack: 0.4 });
    expect(sharesFor(behaviour, new Set(["a"]))).toEqual({ checkout: 0.25, comeBack: 0.2 });
    expect(sharesFor(behaviour, new Set(["a", "b", "unknown"]))).toEqual({ checkout: 1, comeBack: 0.2 });
  });

  test("a visitor's temper depends on the seed and the visitor's number only", () => {
    holds(
      property(integer(), nat(), (seed, visitor) => {
        const drawn = drawTemper(shopBehaviour, visitorRandom(seed, visitor));
        expect(drawTemper(shopBehaviour, visitorRandom(seed, visitor))).toEqual(drawn);
        expect(drawn.comeBackAfterMs).toBeGreaterThanOrEqual(shopBehaviour.comeBackAfterMs[0]);
        expect(drawn.comeBackAfterMs).toBeLessThanOrEqual(shopBehaviour.comeBackAfterMs[1]);
      }),
    );
  });

  test("tempers are spread evenly over 20,000 visitors", () => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (let visitor = 0; visitor < 20_000; visitor += 1) {
      const decile = Math.floor(drawTemper(shopBehaviour, visitorRandom(7, visitor)).checkout * 10);
      counts[decile] = (counts[decile] ?? 0) + 1;
    }
    // Chi-square with nine degrees of freedom: 27.9 is its 99.9th percentile; the seed is fixed.
    expect(counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)).toBeLessThan(27.9);
  });
});

describe("visitors", () => {
  test("the same seed gives the same visits, another seed others", async () => {
    const [first, second, other] = [
      await visit(shop.url, 3, 150),
      await visit(shop.url, 3, 150),
      await visit(shop.url, 4, 150),
    ];
    expect(second).toEqual(first);
    expect(first).toMatchObject({ visitors: 150, errors: 0, turnedAway: 0 });
    expect(other.byShown).not.toEqual(first.byShown);
  });

  test("everybody keeps their cookies, and buys and returns as their pages make them", async () => {
    shop.setRecommendations({ useful: false });
    const gate = await startGate("feat_smart_recs_v1=treatment");
    const tally = await visit(gate.url, 11, 800);
    gate.stop();
    expect(tally.errors).toBe(0);
    expect(gate.requestsByUnit).toHaveLength(800);
    expect(gate.requestsByUnit.reduce((sum, count) => sum + count, 0)).toBe(tally.requests);

    const plain = tally.byShown["nothing"] ?? { visitors: 0, checkouts: 0, returns: 0 };
    const poor = tally.byShown["feat_smart_recs_v1/poor"] ?? { visitors: 0, checkouts: 0, returns: 0 };
    expect([plain.visitors, poor.visitors]).toEqual([400, 400]);
    // Four standard deviations of a share among 400 are 0.1 at most.
    expect(Math.abs(plain.checkouts / 400 - 0.35)).toBeLessThan(0.1);
    expect(Math.abs(poor.checkouts / 400 - 0.35 * 0.4)).toBeLessThan(0.1);
    expect(Math.abs(plain.returns / 400 - 0.5)).toBeLessThan(0.1);
    expect(Math.abs(poor.returns / 400 - 0.5 * 0.45)).toBeLessThan(0.1);
  });

  test("with express checkout they buy in one request, and more of them", async () => {
    const gate = await startGate("feat_express_checkout=treatment");
    const tally = await visit(gate.url, 12, 400);
    gate.stop();
    const express = tally.byShown["feat_express_checkout"] ?? { visitors: 0, checkouts: 0, returns: 0 };
    const plain = tally.byShown["nothing"] ?? { visitors: 0, checkouts: 0, returns: 0 };
    expect(express.checkouts).toBeGreaterThan(plain.checkouts);
    expect(tally.checkouts).toBe(express.checkouts + plain.checkouts);
    // Through the cart: list, product, cart, checkout, thanks. With one click: one request less.
    expect(tally.requests).toBe(400 * 2 + plain.checkouts * 3 + express.checkouts * 2 + tally.returns * 2);
  });

  test("events tell each visitor's requests in order", async () => {
    const steps = new Map<number, string[]>();
    const tally = await visit(shop.url, 5, 60, (event) => {
      steps.set(event.visitor, [...(steps.get(event.visitor) ?? []), event.step]);
    });
    expect(steps.size).toBe(60);
    expect([...steps.values()].flat()).toHaveLength(tally.requests);
    for (const taken of steps.values()) {
      expect(taken.join(" ")).toMatch(/^list product( cart checkout thanks)?( return return)?$/);
    }
  });

  test("an unreachable edge is counted as errors, not thrown", async () => {
    const closed = await startShop({ port: 0 });
    await closed.stop();
    const tally = await visit(closed.url, 6, 20);
    expect(tally).toMatchObject({ visitors: 20, errors: 20, checkouts: 0 });
  });

  test("beyond the bound arrivals are turned away", async () => {
    const gate = await startGate("feat_smart_recs_v1=treatment");
    shop.setRecommendations({ delayMs: 400 });
    const tally = await runVisitors({
      edgeUrl: gate.url,
      arrivalsPerSecond: 1000,
      behaviour: hasty,
      signal: never,
      visitors: 100,
      maxAtOnce: 5,
    });
    gate.stop();
    expect(tally.turnedAway).toBeGreaterThan(0);
    expect(tally.visitors + tally.turnedAway).toBe(100);
  });

  test("the signal ends the traffic, returns that are still to come included", async () => {
    const stop = new AbortController();
    let requests = 0;
    const tally = await runVisitors({
      edgeUrl: shop.url,
      arrivalsPerSecond: 200,
      behaviour: { ...shopBehaviour, comeBack: 1, comeBackAfterMs: [3_600_000, 3_600_000] },
      signal: stop.signal,
      onEvent: () => {
        requests += 1;
        if (requests === 50) stop.abort();
      },
    });
    expect(tally).toMatchObject({ requests: 50, returns: 0, errors: 0 });
  });

  test("a listener that throws ends the traffic and its error reaches the caller", async () => {
    const failing = visit(shop.url, 8, 1_000_000, () => {
      throw new Error("the listener is broken");
    });
    await expect(failing).rejects.toThrow("the listener is broken");
  });
});
