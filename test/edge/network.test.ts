// Networks: what is told of them, and how many new visitors one of them can make.
import { beforeAll, describe, expect, test } from "vitest";
import * as hmac from "../../edge/hmac.ts";
import { makeDrawSample } from "../../edge/proxy/draw-sample.ts";
import { makeNetworkHash, networkOf } from "../../edge/visitor/network.ts";
import { makeAllowNewUnit } from "../../edge/visitor/new-units.ts";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { cookieOf, echoed, edge, feature, headerOf, push, recorded } from "./support/edge.ts";

const DAY_MS = 86_400_000;

test.each([
  ["203.0.113.7", "203.0.113"],
  ["203.0.113.200", "203.0.113"],
  ["::ffff:203.0.113.7", "203.0.113"],
  ["2001:db8:1:2::7", "2001:db8:1"],
  ["2001:0db8:0001:ffff:1:2:3:4", "2001:db8:1"],
  ["2001:DB8:1::", "2001:db8:1"],
  ["2001:db8::7", "2001:db8:0"],
  ["2001::7", "2001:0:0"],
  ["::1", "0:0:0"],
  ["", null],
  [null, null],
  ["unknown", null],
])("%s is in the network %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

describe("what is told of a network", () => {
  const ring = KeyRing.parse("k:cookie-secret-of-the-tests-0123456789abcdefghijklmnop");

  test("is the same for all of its addresses, at every edge and for a day", async () => {
    const one = makeNetworkHash(ring, hmac.sign);
    const other = makeNetworkHash(ring, hmac.sign);
    const hash = await one("203.0.113.7", 0);
    expect(hash).toMatch(/^[0-9a-f]{16}$/);
    expect(one("203.0.113.200", DAY_MS - 1)).toBe(hash);
    expect(await other("203.0.113.9", 5)).toBe(hash);
    expect(await one("203.0.114.7", 0)).not.toBe(hash);
    expect(await one("203.0.113.7", DAY_MS)).not.toBe(hash);
  });

  test("cannot be found out without the key, and is nothing where there is no address", async () => {
    const hash = makeNetworkHash(ring, hmac.sign);
    const withOther = makeNetworkHash(
      KeyRing.parse("k:another-secret-of-the-tests-0123456789abcdefghijklmnop"),
      hmac.sign,
    );
    expect(await hash("203.0.113.7", 0)).not.toBe(await withOther("203.0.113.7", 0));
    expect(hash(null, 0)).toBe(null);
  });
});

describe("new visitors", () => {
  const request = (address?: string) =>
    new Request("http://shop.test/", {
      headers: address === undefined ? {} : { "CF-Connecting-IP": address },
    });
  const allowed = (allow: ReturnType<typeof makeAllowNewUnit>, count: number, nowMs: number, from?: string) =>
    Array.from({ length: count }, () => allow(request(from), nowMs)).filter(Boolean).length;

  test("of one network are limited a minute, those of others and of unknown ones are not", () => {
    const allow = makeAllowNewUnit(60);
    expect(allowed(allow, 1_000, 0, "203.0.113.7")).toBe(60);
    expect(allowed(allow, 10, 0, "203.0.113.8")).toBe(0);
    expect(allowed(allow, 10, 0, "203.0.114.7")).toBe(10);
    expect(allowed(allow, 1_000, 0)).toBe(1_000);
    expect(allowed(allow, 1_000, 10_000, "203.0.113.7")).toBe(10);
    expect(allowed(allow, 1_000, 100_000, "203.0.113.7")).toBe(60);
  });

  test("of many networks are counted with bounded memory", () => {
    const allow = makeAllowNewUnit(1);
    for (let i = 0; i < 30_000; i++) expect(allow(request(`10.${i >> 8}.${i & 255}.1`), 0)).toBe(true);
    expect(allow(request("10.117.47.2"), 0)).toBe(false);
  });
});

describe("at the edge", () => {
  beforeAll(() =>
    push({
      revision: 1,
      full: true,
      features: [feature("feat_all"), feature("feat_control", { rolloutBps: 0, holdoutBps: 10_000 })],
    }),
  );

  test("beyond the limit a newcomer gets what is open to everybody, no cookie, and is not counted; who has a cookie notices nothing", async () => {
    const headers = { "CF-Connecting-IP": "198.51.100.7" };
    const first = await edge("/", { headers });
    let last = first;
    for (let i = 0; i < 2_000 && last.headers.getSetCookie().length > 0; i++)
      last = await edge("/", { headers });
    expect(last.headers.getSetCookie()).toEqual([]);
    const seen = await echoed(last);
    expect(headerOf(seen, "Sluice-Features")).toBe("feat_all=treatment");
    expect(headerOf(seen, "Sluice-Unit")).toBe(null);
    const known = await echoed(await edge("/", { headers: { ...headers, Cookie: cookieOf(first) } }));
    expect(headerOf(known, "Sluice-Features")).toBe("feat_all=treatment, feat_control=holdout");
    const other = await edge("/", { headers: { "CF-Connecting-IP": "198.51.101.7" } });
    expect(other.headers.getSetCookie()).toHaveLength(1);
    const askFlag = () =>
      edge("/.sluice/ofrep/v1/evaluate/flags/feat_control", {
        method: "POST",
        headers: { ...headers, Origin: "http://shop.test" },
        body: "{}",
      });
    // The limit lets ten newcomers a second in: one may have come free since.
    let flags = await askFlag();
    for (let i = 0; i < 50 && flags.headers.getSetCookie().length > 0; i++) flags = await askFlag();
    expect(flags.headers.getSetCookie()).toEqual([]);
    expect(await flags.json()).toMatchObject({ variant: "off" });
  });

  test("spans name the network's hash and not the address", async () => {
    const response = await edge("/", { headers: { "CF-Connecting-IP": "192.0.2.77" } });
    const unit = headerOf(await echoed(response), "Sluice-Unit") ?? "";
    const bodies = async (): Promise<string[]> =>
      (await recorded(`"${unit}"`)).filter(({ url }) => url === "/v1/traces").map(({ body }) => body);
    await expect.poll(async () => (await bodies()).length, { timeout: 10_000 }).toBeGreaterThan(0);
    const hash = await makeNetworkHash(
      KeyRing.parse("c2:cookie-secret-of-the-tests-0123456789abcdefghijklmnop"),
      hmac.sign,
    )("192.0.2.1", Date.now());
    await expect(bodies()).resolves.toContainEqual(
      expect.stringContaining(`{"key":"sluice.network","value":{"stringValue":"${hash}"}}`),
    );
    expect((await bodies()).join()).not.toContain("192.0.2");
  });

  test("health tells the region, and what became of spans", async () => {
    const health = await (await edge("/.sluice/health")).json();
    expect(health).toMatchObject({
      region: "weur",
      telemetry: { sent: expect.any(Number), refused: 0, dropped: 0, waiting: expect.any(Number) },
    });
  });
});

describe("the sample of one network's requests", () => {
  const from = (address?: string) =>
    new Request(
      "http://shop.test/",
      address === undefined ? {} : { headers: { "CF-Connecting-IP": address } },
    );
  const drawn = (draw: ReturnType<typeof makeDrawSample>, request: Request, seconds: number): number => {
    let count = 0;
    for (let ms = 0; ms < seconds * 1_000; ms += 2) if (draw(request, ms)) count += 1;
    return count;
  };

  test("has 20 at once and 5 a second, of the 100 a second that all have", () => {
    expect(drawn(makeDrawSample(), from("203.0.113.7"), 60)).toBe(20 + 5 * 60 - 1);
    expect(drawn(makeDrawSample(), from(), 60)).toBe(20 + 100 * 60 - 1);
  });

  test("leaves the others theirs", () => {
    const draw = makeDrawSample();
    const others = { seen: 0, drawn: 0 };
    // One network floods with 400 a second; 50 a second come from networks of their own.
    for (let ms = 0; ms < 60_000; ms += 2) {
      if (ms % 20 === 0) {
        others.seen += 1;
        if (draw(from(`198.51.${(ms / 20) % 250}.1`), ms)) others.drawn += 1;
      }
      if (ms % 10 !== 0) draw(from(`203.0.113.${ms % 250}`), ms);
    }
    expect(others.drawn).toBe(others.seen);
  });
});
