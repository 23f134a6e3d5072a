// Connections to Redis, one node or a cluster. Redis is for speed alone: a command that cannot be sent fails within
// COMMAND_MS, and the caller goes on without it or tries again. A server whose certificate does not hold is not spoken with.
import { connect as connectTls } from "node:tls";
import { Cluster, Redis } from "ioredis";
import { certificatesOf } from "./certificates.ts";
import { PacedCluster } from "./paced-cluster.ts";
import { tlsFailure } from "./tls-failure.ts";
import { errorText } from "../runtime/error-text.ts";
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

/** Why TLS with the node is not to be had, in words; null where it is. */
const tlsProblem = (text: string): Promise<string | null> =>
  new Promise((resolve) => {
    const socket = connectTls({ ...addressOf(text), ...certificatesOf(text), timeout: COMMAND_MS });
    const end = (words: string | null): void => {
      socket.destroy();
      resolve(words);
    };
    socket.once("secureConnect", () => end(null));
    socket.once("timeout", () => end(null));
    socket.once("error", (error) => end(tlsFailure(error)));
  });

/** Tells why the client of these URLs has no connection, in words; `isTls`: it will not get better by itself. */
export const hearFailures = (
  { client, urls }: { readonly client: RedisClient; readonly urls: readonly string[] },
  onFailure: (words: string, isTls: boolean) => void,
): void => {
  const [first = ""] = urls;
  const isEncryptedCluster = client instanceof Cluster && new URL(first).protocol === "rediss:";
  const tell = async (error: Error): Promise<void> => {
    // A cluster's client says that no node answered, and not why.
    const known = tlsFailure(error) ?? (isEncryptedCluster ? await tlsProblem(first) : null);
    onFailure(known ?? errorText(error), known !== null);
  };
  client.on("error", (error: Error) => void tell(error));
};

/** One URL: a node. Several: the known nodes of a cluster, the first of which names user, password and TLS. */
export const connectRedis = (urls: readonly string[], log: WarningLog): RedisClient => {
  const [first, ...others] = urls;
  if (first === undefined) throw new Error("no Redis URL");
  const url = new URL(first);
  const isEncrypted = url.protocol === "rediss:";
  const shared = {
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    ...(isEncrypted ? { tls: certificatesOf(first) } : {}),
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
      : new PacedCluster(urls.map(addressOf), {
          redisOptions: shared,
          clusterRetryStrategy: retryStrategy,
          clusterNodeRetryStrategy: retryStrategy,
          enableOfflineQueue: false,
          shardedSubscribers: true,
          slotsRefreshInterval: 1_000,
          // By default names become addresses before they are connected to, and certificates are of names.
          ...(isEncrypted ? { dnsLookup: (name, found) => found(null, name) } : {}),
        });
  // One line when it goes, not one for every attempt to come back.
  let isDown = false;
  hearFailures({ client, urls }, (error) => {
    if (!isDown) log.warn({ error }, "Redis is away; everything goes on without it, up to a second slower");
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
