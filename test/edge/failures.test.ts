// The whole edge with one dependency broken at a time: the site answers, features of failure mode `static` keep their
// state, those of `closed` close after MAX_STALE_MS, and both are as before once the dependency works again.
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { Hub, Replica } from "../../edge/worker.ts";
import { cookieOf, echoed, edge, feature, headerOf, push } from "./support/edge.ts";

const never = new Promise<never>(() => undefined);
const BOTH = "feat_static=treatment, feat_closed=treatment";
let cookie = "";

beforeAll(async () => {
  const features = [feature("feat_static"), feature("feat_closed", { failureMode: "closed" })];
  await push({ revision: 1, full: true, features });
  cookie = cookieOf(await edge("/"));
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Streams that are open end with their next beat, so what a test breaks holds for the calls that come then. */
const endStreams = ({ prototype }: { readonly prototype: object }): void => {
  vi.spyOn(prototype as { answerTo: () => never }, "answerTo").mockImplementation(() => {
    throw new Error("ended by the test");
  });
};

const cohorts = async (): Promise<string | null> =>
  headerOf(await echoed(await edge("/", { headers: { Cookie: cookie } })), "Sluice-Features");

test.each([
  ["the replica hangs", Replica, () => vi.spyOn(Replica.prototype, "watch").mockReturnValue(never)],
  [
    "the replica throws",
    Replica,
    () => vi.spyOn(Replica.prototype, "watch").mockRejectedValue(new Error("broken")),
  ],
  ["the hub hangs", Hub, () => vi.spyOn(Hub.prototype, "watch").mockReturnValue(never)],
  [
    "the hub is overloaded",
    Hub,
    () => vi.spyOn(Hub.prototype, "watch").mockRejectedValue(new Error("overloaded")),
  ],
])(
  "while %s, a static feature keeps its state and a closed one closes, and afterwards both are as before",
  async (_, object, breakIt) => {
    await vi.waitUntil(async () => (await cohorts()) === BOTH, 20_000);
    breakIt();
    endStreams(object);
    await vi.waitUntil(async () => (await cohorts()) === "feat_static=treatment", 20_000);
    const health = await (await edge("/.sluice/health")).json<{ ageMs: number; revision: number }>();
    expect(health.revision).toBe(1);
    expect(health.ageMs).toBeGreaterThan(2_000);
    vi.restoreAllMocks();
    await vi.waitUntil(async () => (await cohorts()) === BOTH, 20_000);
  },
);

test("a connected OpenFeature client gets an event when the snapshot becomes stale, and when it is confirmed again", async () => {
  await vi.waitUntil(async () => (await cohorts()) === BOTH, 20_000);
  const stream = await edge("/.sluice/ofrep/stream");
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  let heard = "";
  const hears = async (etag: string): Promise<void> => {
    while (!heard.endsWith(`data: {"type":"refetchEvaluation","etag":"${etag}"}\n\n`)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the stream ended after ${heard}`);
      heard += value;
    }
  };
  await hears("r1");
  endStreams(Replica);
  await hears("r1-stale");
  vi.restoreAllMocks();
  await hears("r1");
  await reader.cancel();
});

test("a push that the replicas do not confirm is answered with the revision of each region", async () => {
  vi.spyOn(Hub.prototype, "confirm").mockResolvedValue(undefined);
  const response = await push({ revision: 2, full: false, features: [] });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    revision: 2,
    regions: [{ region: "weur", revision: 1, ms: expect.any(Number) }],
  });
});

test("a request whose gate fails is passed on ungated, and the failure is counted", async () => {
  const failures = async (): Promise<number> =>
    (await (await edge("/.sluice/health")).json<{ failures: number }>()).failures;
  const before = await failures();
  vi.spyOn(console, "error").mockReturnValue(undefined);
  vi.spyOn(Headers.prototype, "get").mockImplementationOnce(() => {
    throw new Error("a bug of ours");
  });
  const response = await edge("/", { headers: { Cookie: cookie } });
  expect(response.status).toBe(200);
  expect(headerOf(await echoed(response), "Sluice-Features")).toBe(null);
  expect(await failures()).toBe(before + 1);
});
