// Where the origin may be sent by a target: tables of addresses, and real connections with a look-up that changes its answer.
import { lookup, type LookupAddress } from "node:dns";
import { afterAll, describe, expect, test } from "vitest";
import {
  guardedLookup,
  mayConnect,
  parseAllowedHosts,
  readTargetUrl,
} from "../../../origin/notifications/channels/address-guard.ts";
import { makePostJson } from "../../../origin/notifications/channels/post-json.ts";
import { startReceiver } from "../../support/receiver.ts";

const nothing = parseAllowedHosts([]);

test.each([
  "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
  "169.254.169.254", "169.254.170.2", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
  "::", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:a9fe:a9fe", "::127.0.0.1", "fd00:ec2::254", "fc00::1",
  "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
  "2002:7f00:1::", "2001::1", "2001:db8::1", "100::1", "5f00::1", "localhost", "0x7f.1", "2130706433", "",
])("%s is connected to by nobody", (address) => {
  expect(mayConnect(address, nothing)).toBe(false);
}); // prettier-ignore

test.each(["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8"])(
  "%s is public",
  (address) => {
    expect(mayConnect(address, nothing)).toBe(true);
  },
);

describe("the URL of a target", () => {
  test.each([
    "https://127.0.0.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/",
    "https://0x7f.1/", "https://①②⑦.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
    "https://169.254.169.254/latest/meta-data/", "https://[fd00:ec2::254]/", "https://10.0.0.1/", "https://0/",
  ])("%s is refused for its address", (url) => {
    expect(readTargetUrl(url, nothing)).toMatchObject({ ok: false, error: expect.stringContaining("private") });
  }); // prettier-ignore

  test.each([
    ["http://hooks.example.com/", "https://"],
    ["ftp://hooks.example.com/", "https://"],
    ["file:///etc/passwd", "https://"],
    ["javascript:alert(1)", "https://"],
    ["https://hooks.example.com:22/", "port"],
    ["https://hooks.example.com:6379/", "port"],
    ["https://me:secret@hooks.example.com/", "user name"],
    ["https://", "must be a URL"],
    ["hooks", "must be a URL"],
  ])("%s is refused with the reason", (url, reason) => {
    expect(readTargetUrl(url, nothing)).toMatchObject({ ok: false, error: expect.stringContaining(reason) });
  });

  test.each([
    "https://hooks.slack.com/services/T/B/x",
    "https://8.8.8.8:8443/x",
    "https://hooks.example.com:443/",
  ])("%s is taken", (url) => {
    expect(readTargetUrl(url, nothing).ok).toBe(true);
  });

  test("may be of a private network where the operator names the host, the address or the range, and only there", () => {
    const allowed = parseAllowedHosts(["alerts.internal", "10.1.0.0/16", "fd00:1::5", "127.0.0.1"]);
    for (const url of [
      "http://alerts.internal:9000/x",
      "https://10.1.2.3/",
      "http://10.1.2.3:8080/",
      "https://[fd00:1::5]/",
      "http://127.0.0.1:9/",
    ])
      expect({ url, ok: readTargetUrl(url, allowed).ok }).toEqual({ url, ok: true });
    for (const url of [
      "https://10.2.0.1/",
      "https://[fd00:1::6]/",
      "http://other.internal/",
      "https://127.0.0.2/",
    ])
      expect({ url, ok: readTargetUrl(url, allowed).ok }).toEqual({ url, ok: false });
  });
});

describe("a connection", () => {
  const receiver = startReceiver();
  afterAll(async () => (await receiver).stop());
  const hosts = (answers: readonly LookupAddress[][]) => {
    let asked = 0;
    const resolve: Parameters<typeof guardedLookup>[1] = (_host, _options, callback) =>
      callback(null, answers[Math.min(asked++, answers.length - 1)] ?? []);
    return { resolve, asked: () => asked };
  };
  const post = (url: string, allow: string[], resolve: Parameters<typeof guardedLookup>[1] = lookup) =>
    makePostJson(
      parseAllowedHosts(allow),
      resolve,
    )({
      url,
      headers: {},
      body: "{}",
      signal: AbortSignal.timeout(3_000),
    });

  test("is not made to a name whose address is private, and one look-up is both the check and the address", async () => {
    const { port, received } = await receiver;
    const local: LookupAddress[] = [{ address: "127.0.0.1", family: 4 }];
    const publicOne: LookupAddress[] = [{ address: "203.0.114.9", family: 4 }];
    // A server of names that says a public address when it is asked first, and this machine afterwards.
    const rebinding = hosts([publicOne, local]);
    const url = `https://rebinds.example.com:8443/`;
    await expect(post(url, [], rebinding.resolve)).rejects.toThrow();
    expect(rebinding.asked()).toBe(1);
    await expect(post(url, [], rebinding.resolve)).rejects.toThrow("private network");

    const mapped = hosts([[{ address: "::ffff:127.0.0.1", family: 6 }]]);
    await expect(post(url, [], mapped.resolve)).rejects.toThrow("private network");
    expect(received).toEqual([]);

    // With several addresses it goes to those that it may.
    const both = hosts([[{ address: "10.0.0.9", family: 4 }, ...local]]);
    const answer = await post(`http://named.example.com:${port}/`, ["named.example.com"], both.resolve).catch(
      () => null,
    );
    expect(answer?.status ?? 0).toBeLessThan(500);
    const ranged = guardedLookup(parseAllowedHosts(["127.0.0.0/8"]), both.resolve);
    const addresses = await new Promise((resolve) => {
      ranged("x.example.com", { all: true }, (_error, found) => resolve(found));
    });
    expect(addresses).toEqual(local);
  });

  test("of a name that really is this machine's is refused, and made where the operator names it", async () => {
    const { port, received } = await receiver;
    await expect(post("https://localhost:8443/", [])).rejects.toThrow("private network");
    const before = received.length;
    expect((await post(`http://localhost:${port}/`, ["localhost"])).status).toBe(200);
    expect(received).toHaveLength(before + 1);
  });

  test("reads no more of an answer than its first four kilobytes", async () => {
    const { port, state } = await receiver;
    state.answer = { status: 500, body: "x".repeat(5_000_000) };
    const { text } = await post(`http://127.0.0.1:${port}/`, ["127.0.0.1"]);
    expect(text).toHaveLength(4_096);
    state.answer = { status: 200 };
  });
});
