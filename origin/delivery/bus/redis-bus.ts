// The bus on Redis, one node or a cluster: channel `feature_rollbacks` and the keys `feature:state:<id>`.
// Redis is for speed alone: a publish that fails is tried again by the outbox.
import { Cluster, type Redis } from "ioredis";
import type { RedisClient } from "../../db/redis.ts";
import type { WarningLog } from "../../runtime/log.ts";
import { FlagEvent, type FlagBus, type FlagListener, type StateName } from "./flag-bus.ts";

const CHANNEL = "feature_rollbacks";

/**
 * Sets the state unless a newer one has been written: two processes may publish in any order. Within one history of the
 * database the revision says which is newer. Of two histories the one that began later goes on, and the other one may only
 * close: it comes late, or from a primary that was replaced. What names the state lies beside it under keys whose hash tag
 * puts all into one slot; an older origin writes the revision alone.
 */
const SET_STATE = `
local revision, state, lineage, begun, epoch = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local known = tonumber(redis.call('get', KEYS[2]) or '-1')
local history = redis.call('hmget', KEYS[3], 'lineage', 'begun', 'epoch')
if not history[1] or lineage == '' or history[1] == lineage then
  if revision < known then return 0 end
elseif begun < tonumber(history[2]) then
  if state == 'ENABLED' or epoch < tonumber(history[3]) then return 0 end
  redis.call('set', KEYS[1], state)
  return 1
end
redis.call('set', KEYS[1], state)
redis.call('set', KEYS[2], ARGV[1])
if lineage ~= '' then redis.call('hset', KEYS[3], 'lineage', lineage, 'begun', ARGV[4], 'epoch', ARGV[5]) end
return 1`;

const stateKeys = (featureId: string): [string, string, string] => {
  const key = `feature:state:${featureId}`;
  return [key, `{${key}}:revision`, `{${key}}:lineage`];
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

  const setState = async (
    { featureId, enabled, epoch = 0 }: Pick<FlagEvent, "featureId" | "enabled" | "epoch">,
    { revision, lineage = "", lineageBegunAtMs = 0 }: StateName,
  ) => {
    const state = enabled ? "ENABLED" : "DISABLED";
    const name = [revision, state, lineage, lineageBegunAtMs, epoch];
    await publisher.eval(SET_STATE, 3, ...stateKeys(featureId), ...name);
  };

  return {
    publish: async (events) => {
      await Promise.all(
        events.flatMap((event) => [
          publisher.publish(CHANNEL, JSON.stringify(event)),
          ...(isCluster ? [publisher.spublish(CHANNEL, JSON.stringify(event))] : []),
          setState(event, event),
        ]),
      );
    },
    restore: async (states, at) => {
      await Promise.all(states.map((state) => setState(state, at)));
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
