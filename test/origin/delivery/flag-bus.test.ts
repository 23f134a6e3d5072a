// What every FlagBus promises, run over each of them. redis-bus.test.ts has what only Redis does.
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { connectRedis } from "../../../origin/db/redis.ts";
import type { FlagBus, FlagEvent } from "../../../origin/delivery/bus/flag-bus.ts";
import { makeInProcessBus } from "../../../origin/delivery/bus/in-process-bus.ts";
import { makeRedisBus } from "../../../origin/delivery/bus/redis-bus.ts";
import { FeatureId, Revision } from "../../../shared/ids.ts";
import { makeTestLog } from "../../support/log.ts";
import { startRedis, startRedisCluster } from "../../support/redis.ts";

const soon = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 10 });

const event = (revision: number): FlagEvent => ({
  featureId: FeatureId.parse(`feat_${revision}`),
  reason: "too slow",
  version: revision,
  epoch: 1,
  revision: Revision.parse(revision),
  lineage: "a-history",
  lineageBegunAtMs: 1_000,
  action: "rollback",
  enabled: false,
});

const ignoreGap = (): void => {};

/** Revision 0 is the probe by which a test waits for its connections. */
const listenTo = (bus: FlagBus) => {
  const heard: number[] = [];
  const onEvent = ({ revision }: FlagEvent) => {
    if (revision > 0) heard.push(revision);
  };
  return { heard, unsubscribe: bus.subscribe({ onEvent, onGap: ignoreGap }) };
};

const makeBusOnRedis = async (urls: readonly string[]): Promise<FlagBus> => {
  const log = makeTestLog();
  const bus = makeRedisBus({ publisher: connectRedis(urls, log), subscriber: connectRedis(urls, log), log });
  let probes = 0;
  const unsubscribe = bus.subscribe({
    onEvent: () => {
      probes += 1;
    },
    onGap: ignoreGap,
  });
  await soon(async () => {
    await bus.publish([event(0)]);
    expect(probes).toBeGreaterThan(0);
  });
  unsubscribe();
  return bus;
};

const redis = await startRedis();
const cluster = await startRedisCluster();
afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

const adapters: [string, () => Promise<FlagBus>][] = [
  ["the bus in the process", async () => makeInProcessBus()],
  ["the bus on a Redis node", () => makeBusOnRedis([redis.url])],
  ["the bus on a Redis Cluster", () => makeBusOnRedis(cluster.urls)],
];

describe.each(adapters)("%s", (_, makeBus) => {
  let bus: FlagBus;
  beforeEach(async () => {
    bus = await makeBus();
  });
  afterEach(() => bus.stop());

  test("brings every event to every subscriber, the publisher's own process too, in the order of publishing", async () => {
    const [one, other] = [listenTo(bus), listenTo(bus)];
    await bus.publish([event(1), event(2)]);
    await bus.publish([event(3)]);
    await soon(() =>
      expect([one.heard, other.heard]).toEqual([
        [1, 2, 3],
        [1, 2, 3],
      ]),
    );
  });

  test("brings an event whole", async () => {
    const events: FlagEvent[] = [];
    bus.subscribe({ onEvent: (heard) => events.push(heard), onGap: ignoreGap });
    await bus.publish([event(4)]);
    await soon(() => expect(events.filter(({ revision }) => revision > 0)).toEqual([event(4)]));
  });

  test("brings nothing to a listener that has unsubscribed, and everything to the others", async () => {
    const [one, other] = [listenTo(bus), listenTo(bus)];
    one.unsubscribe();
    await bus.publish([event(5)]);
    await soon(() => expect(other.heard).toEqual([5]));
    expect(one.heard).toEqual([]);
  });

  test("publishes nothing when states are restored", async () => {
    const { heard } = listenTo(bus);
    await bus.restore([{ featureId: FeatureId.parse("feat_6"), enabled: true, epoch: 1 }], {
      revision: Revision.parse(6),
    });
    await bus.publish([event(7)]);
    await soon(() => expect(heard).toEqual([7]));
  });

  test("takes an empty publish and an empty restore", async () => {
    const { heard } = listenTo(bus);
    await bus.publish([]);
    await bus.restore([], { revision: Revision.parse(8) });
    await bus.publish([event(9)]);
    await soon(() => expect(heard).toEqual([9]));
  });

  test("brings nothing after it was stopped", async () => {
    const { heard } = listenTo(bus);
    await bus.stop();
    await bus.publish([event(10)]).catch(() => {});
    expect(heard).toEqual([]);
  });
});
