import { type ChildProcess } from "node:child_process";
export type RedisNode = {
  readonly port: number;
  readonly url: string;
  readonly process: ChildProcess;
};
declare const end: (node: RedisNode) => Promise<void>;
/** One node. `crash` kills it; `start` brings an empty one back on the same port. */
export declare const startRedis: () => Promise<{
  url: string;
  port: number;
  crash: () => Promise<void>;
  start: () => Promise<void>;
  stop: () => Promise<void>;
}>;
/** Three masters and three replicas, formed by redis-cli. */
export declare const startRedisCluster: () => Promise<{
  nodes: RedisNode[];
  urls: string[];
  crash: typeof end;
  stop: () => Promise<void>;
}>;
export {};
