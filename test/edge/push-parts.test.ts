// Closes that come alone, and messages that come in parts, at a real hub, replica and isolate in workerd.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import type { Env } from "../../edge/bindings.ts";
import { echoed, edge, feature, headerOf, push } from "./support/edge.ts";

const { FEATURES, HUB } = env as unknown as Env;
const served = async (): Promise<string | null> => headerOf(await echoed(await edge("/")), "Sluice-Features");
const revision = async (): Promise<number> =>
  (await (await edge("/.sluice/health")).json<{ revision: number }>()).revision;
const closes = (at: number, featureId: string, epoch = 1) => ({
  revision: at,
  since: at,
  full: false,
  features: [],
  closes: [{ featureId, epoch, version: at }],
});
const part = (
  at: number,
  index: number,
  count: number,
  features: unknown[],
  fields: { full: boolean; since?: number } = { full: true },
) => ({
  revision: at,
  since: at,
  full: false,
  features,
  part: { id: `of-${at}`, index, count, ...fields },
});

test("a close of a few hundred bytes holds at once, though the rest of its revision is missing", async () => {
  await push({ revision: 10, full: true, features: [feature("feat_a"), feature("feat_b")] });
  expect(await served()).toBe("feat_a=treatment, feat_b=treatment");
  const message = closes(14, "feat_a");
  expect(JSON.stringify(message).length).toBeLessThan(300);
  const answer = await push(message);
  expect([answer.status, await answer.json()]).toEqual([409, { revision: 10, closed: true }]);
  expect(await served()).toBe("feat_b=treatment");
  expect(await revision()).toBe(10);
});

test("a late message of an earlier revision does not open what a close has closed", async () => {
  await push({ revision: 12, since: 10, full: false, features: [feature("feat_a"), feature("feat_c")] });
  expect(await served()).toBe("feat_b=treatment, feat_c=treatment");
});

test("a hub that is started again keeps the close, and KV has it too", async () => {
  await vi.waitFor(
    async () => expect(await FEATURES.get("snapshot", "text")).toContain('"closedEpochs":{"feat_a":1}'),
    { timeout: 10_000 },
  );
  await runInDurableObject(HUB.get(HUB.idFromName("hub")), async (_, state) => {
    await state.storage.sync();
    state.abort();
  }).catch(() => undefined);
  await push({ revision: 13, since: 12, full: false, features: [feature("feat_a")] });
  expect(await served()).toBe("feat_b=treatment, feat_c=treatment");
});

test("the revision of the close, or a later epoch, opens the feature again", async () => {
  await push({ revision: 15, since: 12, full: false, features: [feature("feat_a", { epoch: 2 })] });
  expect(await served()).toBe("feat_a=treatment, feat_b=treatment, feat_c=treatment");
  await push(closes(17, "feat_a", 1));
  expect(await served()).toBe("feat_a=treatment, feat_b=treatment, feat_c=treatment");
});

test("parts change nothing until all of them are there, and then everything at once", async () => {
  const [a, b] = [feature("feat_d"), feature("feat_e")];
  expect((await push(part(20, 1, 2, [b]))).status).toBe(202);
  expect(await served()).toBe("feat_a=treatment, feat_b=treatment, feat_c=treatment");
  const answer = await push(part(20, 0, 2, [a]));
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ revision: 20 });
  expect(await served()).toBe("feat_d=treatment, feat_e=treatment");
});

test("parts of a change, of two messages in turns and twice each, are put together by their message", async () => {
  const change = { full: false, since: 20 };
  expect((await push(part(21, 0, 2, [feature("feat_f")], change))).status).toBe(202);
  expect((await push(part(22, 0, 2, [feature("feat_g")], change))).status).toBe(202);
  expect((await push(part(21, 0, 2, [feature("feat_f")], change))).status).toBe(202);
  expect((await push(part(21, 1, 2, [], change))).status).toBe(200);
  expect(await served()).toBe("feat_d=treatment, feat_e=treatment, feat_f=treatment");
  expect((await push(part(22, 1, 2, [], change))).status).toBe(200);
  expect(await served()).toBe("feat_d=treatment, feat_e=treatment, feat_f=treatment, feat_g=treatment");
});

test("parts that build on a revision that is not here are refused with the hub's own", async () => {
  const answer = await push(part(31, 0, 1, [feature("feat_h")], { full: false, since: 30 }));
  expect([answer.status, await answer.json()]).toEqual([409, { revision: 22 }]);
});
