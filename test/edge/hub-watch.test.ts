// The hub's watches in workerd: one call ends the waiting of others, at once and each only once.
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Hub } from "../../edge/snapshot/hub.ts";
import type { WatchAnswer } from "../../edge/snapshot/rpc.ts";
import { Revision } from "../../shared/ids.ts";
import { feature, push } from "./support/edge.ts";

const hub = (): DurableObjectStub<Hub> => {
  const { HUB } = env as unknown as { HUB: DurableObjectNamespace<Hub> };
  return HUB.get(HUB.idFromName("hub"));
};

const watchFrom = async (revision: number, waitMs: number): Promise<WatchAnswer> => {
  const answer = await hub().watch({ watcher: "test", have: Revision.parse(revision), waitMs, maxAgeMs: 0 });
  if (answer instanceof ReadableStream) throw new Error("a watch without beats is answered once");
  return answer;
};

test(
  "a push wakes every watch that waits at the hub, each with its change",
  { timeout: 15_000 },
  async () => {
    await push({ revision: 1, full: true, features: [feature("feat_a")] });
    // Longer than the test may take: only the push can answer them.
    const waiting = Array.from({ length: 20 }, () => watchFrom(1, 25_000));
    await watchFrom(0, 0);
    await push({ revision: 2, full: false, features: [feature("feat_b")] });
    for (const { revision, change } of await Promise.all(waiting)) {
      expect(revision).toBe(2);
      expect(change?.features.map(({ featureId }) => featureId)).toEqual(["feat_b"]);
    }
  },
);

test("a watch without a change is answered after its own time, however many were woken before", async () => {
  const woken = watchFrom(2, 300);
  await push({ revision: 3, full: false, features: [feature("feat_c")] });
  expect((await woken).change?.revision).toBe(3);
  const began = Date.now();
  expect((await watchFrom(3, 600)).change).toBe(null);
  expect(Date.now() - began).toBeGreaterThanOrEqual(590); // not at the end of the woken one's time
});
