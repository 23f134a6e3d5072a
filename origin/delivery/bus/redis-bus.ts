// The bus on Redis, one node or a cluster: channel `feature_rollbacks` and the keys `feature:state:<id>`.
// Redis is for speed alone: a publish that fails is tried again by the outbox.
import { Cluster, type Redis } from "ioredis";
import type { RedisClient } from "../../db/redis.ts";
import type { WarningLog } from "../../runtime/log.ts";
import { FlagEvent, type FlagBus, type FlagListener } from "./flag-bus.ts";

const CHANNEL = "feature_rollbacks";

/**
 * Sets the state unless a newer revision has been written: two processes may publish in any order. The revision lies
 * beside it under a key whose hash tag puts both into one slot.
 */
const SET_STATE = `
local known = tonumber(redis.call('get', KEYS[2]) or '-1')
if tonumber(ARGV[1]) < known then return 0 end
redis.call('set', KEYS[1], ARGV[2])
redis.call('set', KEYS[2], ARGV[1])
return 1`;

const stateKeys = (featureId: string): [string, string] => {
  const key = `feature:state:${featureId}`;
  return [key, `{${key}}:revision`];
};

/** `publisher` and `subscriber` are two connections: a subscribed one takes no other commands. */
export const makeRedisBus = (options: {
  publisher: RedisClient;
  subscriber: RedisClient;
  log: WarningLog;
}): FlagBus => {
  const { publisher, subscriber, log } = options;
  const listeners = new Set<FlagListener>();
  const isCluster = subscriber instanceof Cluster;

  const notifyGap = () => {
    for (const listener of listeners) listener.onGap();
  };
  const onMessage = (channel: string, text: string) => {
    if (channel !== CHANNEL) return;
    const parsed = FlagEvent.safeParse(safeJson(text));
    if (!parsed.success)
      return log.warn({ channel }, `a message on ${CHANNEL} is not an event of Sluice; it is ignored`);
    for (const listener of listeners) listener.onEvent(parsed.data);
  };
  subscriber.on(isCluster ? "smessage" : "message", onMessage);

  let stopped = false;
  const subscribe = async () => {
    try {
      await (isCluster ? subscriber.ssubscribe(CHANNEL) : subscriber.subscribe(CHANNEL));
      notifyGap();
    } catch (error) {
      if (!stopped)
        log.warn(
          { error: String(error) },
          "the subscription in Redis failed; it is made again at the next connection",
        );
    }
  };
  // At the first connection and at every later one: events that were published in between are lost.
  subscriber.on("ready", () => void subscribe());
  if (subscriber.status === "ready") void subscribe();
  // A cluster moves subscriptions to another node by itself and says only that its nodes changed.
  if (isCluster) {
    for (const change of ["+node", "-node"]) subscriber.on(change, notifyGap);
  }

  if (publisher instanceof Cluster) {
    // A master that is connected to anew may be back without its data.
    publisher.on("+node", (node: Redis) => node.on("ready", notifyGap));
    // A replica that took over may lack the last writes, and this process may not be connected to it yet.
    let known = mastersOf(publisher);
    publisher.on("refresh", () => {
      const masters = mastersOf(publisher);
      if (masters !== known) notifyGap();
      known = masters;
    });
  }

  const setState = async (featureId: string, enabled: boolean, revision: number) => {
    const state = enabled ? "ENABLED" : "DISABLED";
    await publisher.eval(SET_STATE, 2, ...stateKeys(featureId), revision, state);
  };

  return {
    publish: async (events) => {
      await Promise.all(
        events.flatMap((event) => [
          publisher.publish(CHANNEL, JSON.stringify(event)),
          ...(isCluster ? [publisher.spublish(CHANNEL, JSON.stringify(event))] : []),
          setState(event.featureId, event.enabled, event.revision),
        ]),
      );
    },
    restore: async (states, revision) => {
      await Promise.all(states.map((state) => setState(state.featureId, state.enabled, revision)));
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: async () => {
      stopped = true;
      listeners.clear();
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
};

/** Who owns which slots, as a text to compare. */
const mastersOf = ({ slots }: Cluster): string => {
  const runs: string[] = [];
  for (const [slot, [master = ""] = []] of slots.entries())
    if (master !== slots[slot - 1]?.[0]) runs.push(`${slot} ${master}`);
  return runs.join();
};

const safeJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};
