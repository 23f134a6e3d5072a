// Connections to Redis, one node or a cluster. Redis is for speed alone: a command that cannot be sent fails within
// COMMAND_MS, and the caller goes on without it or tries again.
import { Cluster, Redis } from "ioredis";
import { backoffMs } from "../runtime/backoff.ts";
import type { WarningLog } from "../runtime/log.ts";

const COMMAND_MS = 1_000;
const RECONNECT = { firstMs: 50, mostMs: 1_000 };

export type RedisClient = Redis | Cluster;

const retryStrategy = (times: number): number => backoffMs(times, RECONNECT);

const addressOf = (text: string) => {
  const url = new URL(text);
  return { host: url.hostname, port: Number(url.port || 6379) };
};

/** A node of a cluster answers MOVED to most commands of a client that does not know of the cluster. */
const warnOfCluster = async (client: Redis, log: WarningLog): Promise<void> => {
  const info = await client.info("cluster").catch(() => "");
  if (/^cluster_enabled:1/m.test(info))
    log.warn(
      {},
      "REDIS_URL names one node, and that is a node of a Redis Cluster: separate several of its nodes by commas, " +
        "or name the one endpoint twice. Until then Redis is of no use, and everything goes up to a second slower",
    );
};

/** One URL: a node. Several: the known nodes of a cluster, the first of which names user, password and TLS. */
export const connectRedis = (urls: readonly string[], log: WarningLog): RedisClient => {
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
    if (!isDown)
      log.warn(
        { error: error.message },
        "Redis is away; everything goes on without it, up to a second slower",
      );
    isDown = true;
  });
  client.on("ready", () => {
    if (isDown) log.warn({}, "Redis is back");
    isDown = false;
  });
  if (client instanceof Redis)
    client.once("ready", () => {
      void warnOfCluster(client, log);
    });
  return client;
};
