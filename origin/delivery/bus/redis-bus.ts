// The bus on Redis, one node or a cluster: channel `feature_rollbacks` and the keys `feature:state:<id>`.
// Redis is for speed alone. A command that cannot be sent fails within COMMAND_MS, and the outbox tries again.
import { Cluster, Redis } from "ioredis";
import type { FlagBus, FlagListener } from "./flag-bus.ts";
import { FlagEvent } from "./flag-bus.ts";

const CHANNEL = "feature_rollbacks";
const COMMAND_MS = 1_000;

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

type Log = { readonly warn: (facts: object, message: string) => void };
export type RedisClient = Redis | Cluster;

const retryStrategy = (times: number): number =>
  Math.min(1_000, 50 * 2 ** Math.min(times, 5)) * (0.5 + Math.random() / 2);

const addressOf = (text: string) => {
  const url = new URL(text);
  return { host: url.hostname, port: Number(url.port || 6379) };
};

/** One URL: a node. Several: the known nodes of a cluster, the first of which names user, password and TLS. */
export const connectRedis = (urls: readonly string[], log: Log): RedisClient => {
  const [first, ...others] = urls;
  if (first === undefined) throw new Error("no Redis URL");
  const url = new URL(first);
  const shared = {
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === "rediss:" ? { tls: {} } : {}),
    commandTimeout: COMMAND_MS,
    connectTimeout: COMMAND_MS,
    maxRetriesPerRequest: 1,
    autoResendUnfulfilledCommands: false,
  };
  const client =
    others.length === 0
      ? new Redis({
          ...shared,
          ...addressOf(first),
          db: Number(url.pathname.slice(1) || 0),
          retryStrategy,
          enableOfflineQueue: false,
        })
      : new Cluster(urls.map(addressOf), {
          redisOptions: shared,
          clusterRetryStrategy: retryStrategy,
          clusterNodeRetryStrategy: retryStrategy,
          enableOfflineQueue: false,
          shardedSubscribers: true,
          slotsRefreshInterval: 1_000,
        });
  // One line when it goes, not one for every attempt to come back.
  let isDown = false;
  client.on("error", (error: Error) => {
    if (!isDown) log.warn({ error: error.message }, "Redis is away");
    isDown = true;
  });
  client.on("ready", () => {
    if (isDown) log.warn({}, "Redis is back");
    isDown = false;
  });
  return client;
};

const stateKeys = (featureId: string): [string, string] => {
  const key = `feature:state:${featureId}`;
  return [key, `{${key}}:revision`];
};

/** `publisher` and `subscriber` are two connections: a subscribed one takes no other commands. */
export const makeRedisBus = (options: {
  publisher: RedisClient;
  subscriber: RedisClient;
  log: Log;
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
    if (!parsed.success) return log.warn({ channel }, "an event that nobody here sent");
    for (const listener of listeners) listener.onEvent(parsed.data);
  };
  subscriber.on(isCluster ? "smessage" : "message", onMessage);

  let stopped = false;
  const subscribe = async () => {
    try {
      await (isCluster ? subscriber.ssubscribe(CHANNEL) : subscriber.subscribe(CHANNEL));
      notifyGap();
    } catch (error) {
      if (!stopped) log.warn({ error: String(error) }, "Redis subscription failed");
    }
  };
  // At the first connection and at every later one: what was published in between is lost to us.
  subscriber.on("ready", () => void subscribe());
  if (subscriber.status === "ready") void subscribe();
  // A cluster moves subscriptions to another node by itself and says only that its nodes changed.
  if (isCluster) {
    for (const change of ["+node", "-node"]) subscriber.on(change, notifyGap);
  }

  if (publisher instanceof Cluster) {
    // A master that is connected to anew may be back without its data.
    publisher.on("+node", (node: Redis) => node.on("ready", notifyGap));
    // One that took over may lack the last writes, and nobody has to be connected to it yet.
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
