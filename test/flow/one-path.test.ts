// Real upstreams behind a gate that answers 404 on the routes of their pages: no spelling of a page's path shows the page.
import { once } from "node:events";
import { Agent } from "node:http";
import { connect } from "node:net";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { askRaw, PAGES, startApache, startNginx, startNode, type Upstream } from "../support/upstreams.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  agent.destroy();
  for (const stop of stops) await stop();
});

const ROUTES = PAGES.map((path) => ({ path }));
const CLOSED = {
  featureId: "feat_beta",
  enabled: false,
  rolloutBps: 0,
  version: 1,
  routes: ROUTES,
  gate: { whenClosed: { action: "notFound" } },
};

const gateBefore = async (upstream: Upstream): Promise<TestEdge> => {
  stops.push(upstream.stop);
  const edge = await startTestEdge({ UPSTREAM_URL: upstream.url });
  stops.unshift(edge.stop);
  expect((await edge.push({ revision: 1, full: true, features: [CLOSED] })).status).toBe(200);
  return edge;
};

/** Ways to write a slash, a letter, and something that changes nothing. */
const slash = fc.oneof(
  { weight: 6, arbitrary: fc.constant("/") },
  fc.constantFrom(
    "//",
    "%2f",
    "%2F",
    "\\",
    "%5c",
    "/./",
    "/%2e/",
    "/x/../",
    "/x/%2E%2e/",
    "/x/..;/",
    "/;x/",
    "/x%2f..%2f",
    "///",
  ),
);
const letter = (character: string) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(character) },
    fc.constant(`%${character.charCodeAt(0).toString(16)}`),
    fc.constant(`%${character.charCodeAt(0).toString(16).toUpperCase()}`),
    fc.constant(character.toUpperCase()),
  );
const end = fc.oneof(
  { weight: 4, arbitrary: fc.constant("") },
  fc.constantFrom(
    "/",
    "//",
    "/.",
    "/x/..",
    ";",
    ";x=1",
    "%2f",
    "%5c",
    "%00",
    "?x",
    "/%2e",
    "%3b",
    ";/..;/beta",
    "/./",
  ),
);
const spelling = fc.constantFrom(...PAGES).chain((page) =>
  fc
    .tuple(...page.split("").map((character) => (character === "/" ? slash : letter(character))), end)
    .map((parts) => parts.join(""))
    .filter((path) => path.startsWith("/")),
);

describe.each([
  ["nginx", startNginx],
  ["Apache with PHP", startApache],
  ["Node", startNode],
])("before %s", (_, start: () => Promise<Upstream>) => {
  test("no spelling of a page's path goes around the page's route", async () => {
    const upstream = await start();
    const edge = await gateBefore(upstream);
    for (const page of PAGES) expect((await askRaw(upstream.url, page, agent)).body).toBe(`PAGE ${page}`);
    let spelledOtherwise = 0;
    const tried = fc.sample(spelling, { numRuns: 500, seed: 15 });
    for (const path of new Set(tried)) {
      const direct = await askRaw(upstream.url, path, agent);
      const gated = await askRaw(edge.url, path, agent);
      expect([path, gated.body.includes("PAGE")]).toEqual([path, false]);
      if (!direct.body.includes("PAGE")) continue;
      if (!PAGES.some((page) => page === path)) spelledOtherwise++;
      expect([path, [400, 404].includes(gated.status)]).toEqual([path, true]);
    }
    // Otherwise the test would show nothing: these reach a page without the gate.
    expect(spelledOtherwise).toBeGreaterThan(30);
  });
});

describe("before any upstream", () => {
  const raw = async (url: string, target: string): Promise<string> => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let answer = "";
    socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
    socket.write(`GET ${target} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n`, "latin1");
    await once(socket, "close");
    return answer;
  };

  test("each way around the gate that was found is closed, and other paths pass as they are spelled", async () => {
    const upstream = await startNode();
    const edge = await gateBefore(upstream);
    const around = [
      "/%62eta",
      "/./beta",
      "/x/%2e%2e/beta",
      "//beta",
      "/beta/",
      "/BETA",
      "/beta;x",
      "/beta%2f",
      "/beta#x",
      "/x\\..\\beta",
      "/x/..;/beta",
      "http://other.test/beta",
    ];
    for (const target of around)
      expect([target, (await raw(edge.url, target)).split("\r\n")[0]]).toEqual([
        target,
        "HTTP/1.1 404 Not Found",
      ]);
    for (const target of ["/beta%00", "/%c0%afbeta"])
      expect(await raw(edge.url, target)).toContain("400 Bad Request");
    expect(await raw(edge.url, "/beta2")).not.toContain("PAGE");
  });
});
