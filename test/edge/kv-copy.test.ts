import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import type { Env } from "../../edge/bindings.ts";
import { feature, push } from "./support/edge.ts";

const { FEATURES, HUB } = env as unknown as Env;

const copiedRevision = async (): Promise<unknown> => {
  const copy = await FEATURES.get<{ revision: number }>("snapshot", "json");
  return copy?.revision;
};

test("a hub that died after it stored a push and before it copied it to KV copies it at the next heartbeat", async () => {
  const change = { revision: 7, full: true, features: [feature("feat_a")] };
  await push(change);
  await vi.waitFor(async () => expect(await copiedRevision()).toBe(7), { timeout: 10_000 });

  await runInDurableObject(HUB.get(HUB.idFromName("hub")), async (hub, { storage }) => {
    await storage.deleteAlarm();
    Reflect.set(hub, "copiedRevision", null);
  });
  await FEATURES.delete("snapshot");

  await push({ revision: 7, since: 7, full: false, features: [] });
  await vi.waitFor(async () => expect(await copiedRevision()).toBe(7), { timeout: 10_000 });
});
