// What clients that nobody knows can make one isolate hold: streams and bodies, on real sockets, with its memory.
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { eventually } from "../support/stack.ts";

let edge: TestEdge;

beforeAll(async () => {
  edge = await startTestEdge({ UPSTREAM_URL: "http://127.0.0.1:9" });
  const features = [{ featureId: "feat_a", enabled: true, rolloutBps: 10_000, version: 1 }];
  await edge.push({ revision: 1, full: true, features });
});
afterAll(() => edge.stop());

const open = new Set<IncomingMessage>();
afterEach(() => {
  for (const stream of open) stream.socket.resetAndDestroy();
  open.clear();
});

const MEBIBYTE = 1_024 * 1_024;

const stream = async (
  headers: Record<string, string>,
): Promise<{ status: number; retry: string | undefined }> => {
  const asking = get(`${edge.url}/.sluice/ofrep/stream`, { headers, agent: false });
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  response.on("error", () => undefined).resume();
  if (response.statusCode === 200) open.add(response);
  return { status: response.statusCode ?? 0, retry: response.headers["retry-after"] };
};

const statuses = async (
  count: number,
  headersOf: (i: number) => Record<string, string>,
): Promise<number[]> => {
  const seen: number[] = [];
  for (let i = 0; i < count; i += 50) {
    const some = Array.from({ length: Math.min(50, count - i) }, (_, j) => stream(headersOf(i + j)));
    seen.push(...(await Promise.all(some)).map(({ status }) => status));
  }
  return seen;
};

const count = (seen: readonly number[], status: number): number =>
  seen.filter((each) => each === status).length;

test("one visitor has 20 streams, is refused more with a time to wait, and gets a place back when one ends", async () => {
  const asked = await fetch(`${edge.url}/.sluice/ofrep/v1/evaluate/flags`, {
    method: "POST",
    headers: { Origin: edge.url },
    body: "{}",
  });
  const Cookie = asked.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const seen = await statuses(25, () => ({ Cookie }));
  expect([count(seen, 200), count(seen, 429)]).toEqual([20, 5]);
  expect(await stream({ Cookie })).toEqual({ status: 429, retry: "30" });
  expect((await stream({})).status).toBe(200);
  const [first] = open;
  first?.socket.resetAndDestroy();
  await eventually(async () => (await stream({ Cookie })).status === 200);
});

test("a network has 100 streams and all networks 500, in bounded memory, while flags are answered", async () => {
  const before = edge.residentBytes();
  const one = await statuses(150, () => ({ "CF-Connecting-IP": "203.0.113.7" }));
  expect([count(one, 200), count(one, 429)]).toEqual([100, 50]);
  const many = await statuses(450, (i) => ({ "CF-Connecting-IP": `198.18.${i % 225}.7` }));
  expect([count(many, 200), count(many, 503)]).toEqual([400, 50]);
  const flags = await fetch(`${edge.url}/.sluice/ofrep/v1/evaluate/flags`, { method: "POST", body: "{}" });
  expect(flags.status).toBe(200);
  const grown = edge.residentBytes() - before;
  // oxlint-disable-next-line no-console -- the figure is for who reads the test's output
  console.log(`${open.size} streams: ${(grown / MEBIBYTE).toFixed(1)} MiB`);
  expect(grown).toBeLessThan(128 * MEBIBYTE);
});

/** Sends 100 kB chunks until the edge hangs up, or 200 MB are sent; how many bytes it sent. */
const flood = async (method: string, path: string): Promise<number> => {
  const { port } = new URL(edge.url);
  const socket: Socket = connect(Number(port), "127.0.0.1");
  socket.resume();
  socket.on("error", () => undefined); // the edge hangs up while we send
  socket.write(
    `${method} ${path} HTTP/1.1\r\nHost: shop.test\r\nOrigin: http://shop.test\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const chunk = Buffer.concat([Buffer.from("186a0\r\n"), Buffer.alloc(100_000, "x"), Buffer.from("\r\n")]);
  let sent = 0;
  for (; sent < 200_000_000 && !socket.closed; sent += 100_000) {
    const isTaken = new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.write(chunk, () => resolve());
    });
    await isTaken;
  }
  socket.destroy();
  return sent;
};

test.each([
  ["POST", "/.sluice/ofrep/v1/evaluate/flags"],
  ["POST", "/.sluice/ofrep/v1/evaluate/flags/feat_a"],
  ["POST", "/.sluice/events"],
  ["POST", "/.sluice/push"],
  ["POST", "/.sluice/explain"],
  ["POST", "/.sluice/nowhere"],
  ["OPTIONS", "/.sluice/ofrep/v1/evaluate/flags"],
])("%s %s hangs up on a body without an end, and keeps little of it", async (method, path) => {
  const before = edge.residentBytes();
  expect(await flood(method, path)).toBeLessThan(20_000_000);
  expect(edge.residentBytes() - before).toBeLessThan(16 * MEBIBYTE);
});
