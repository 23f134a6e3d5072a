import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { makeAddressOf } from "../../../origin/runtime/client-address.ts";

/** The address of a request that the peer sent with this X-Forwarded-For. */
const seen = async (proxies: readonly string[], peer: string, forwardedFor?: string): Promise<string> => {
  const addressOf = makeAddressOf(proxies);
  const app = new Hono().get("/", (context) => context.text(addressOf(context)));
  const headers: Record<string, string> =
    forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
  const incoming = { socket: { remoteAddress: peer, remotePort: 1, remoteFamily: "IPv4" } };
  return (await app.request("/", { headers }, { incoming })).text();
};

describe("without proxies", () => {
  test("nobody can say that they are somebody else", async () => {
    expect(await seen([], "192.0.2.1", "203.0.113.9")).toBe("192.0.2.1");
    expect(await seen([], "::ffff:192.0.2.1")).toBe("192.0.2.1");
  });
});

describe("behind a proxy of one's own", () => {
  const PROXIES = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"];
  test.each([
    ["the address that it appended counts", "10.1.2.3", "203.0.113.9", "203.0.113.9"],
    ["so it does over a socket of both versions", "::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"],
    ["what the sender wrote before it does not", "10.1.2.3", "198.51.100.1, 203.0.113.9", "203.0.113.9"],
    ["two proxies in a row are passed", "fd00::1", "203.0.113.9, 192.0.2.7", "203.0.113.9"],
    ["a sender who claims to be a proxy gains nothing", "10.1.2.3", "1.1.1.1, 203.0.113.9", "203.0.113.9"],
    ["another peer is not believed", "192.0.2.8", "203.0.113.9", "192.0.2.8"],
    ["what is no address ends the list", "10.1.2.3", "203.0.113.9, unknown", "10.1.2.3"],
    ["an empty header leaves the proxy's own", "10.1.2.3", "", "10.1.2.3"],
    ["only proxies: the first of them", "10.1.2.3", "10.9.9.9", "10.9.9.9"],
  ])("%s", async (_, peer, forwardedFor, expected) => {
    expect(await seen(PROXIES, peer, forwardedFor)).toBe(expected);
  });
});
