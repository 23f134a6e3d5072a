// The faults. Each one begins, lasts while changes are made, and ends. The system has to recover from what it leaves.
import { setTimeout as sleep } from "node:timers/promises";
import type { Disturbance, FaultProxy } from "../support/fault-proxy.ts";
import { closedEverywhere, type ClosedFeature } from "./agreement.ts";
import { changeManyTimes } from "./changes.ts";
import type { RedisNode } from "../support/redis.ts";
import type { World } from "./world.ts";

export type Fault = {
  readonly name: string;
  /** After a promotion: what the new primary has, and which features were closed at every edge when the old one died. */
  readonly promoted?: () => { readonly revision: number; readonly closed: readonly ClosedFeature[] };
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
};

type Pick1 = <T>(from: readonly T[]) => T;

const sleepUntil = async (holds: () => Promise<boolean>, withinMs: number): Promise<void> => {
  const until = performance.now() + withinMs;
  while (!(await holds()) && performance.now() < until) await sleep(100);
};
/** Changes in an hour of a busy day. */
const CHANGES_OF_AN_HOUR = 200;
const FAILOVER_MS = 15_000;
/** The last changes are at the edges, or their close would be lost with the primary. */
const SETTLED_MS = 500;

const nothing = (): void => {};

const disturbed = (name: string, proxy: FaultProxy, disturbance: Disturbance): Fault => ({
  name: `${name}: ${disturbance.kind}${disturbance.kind === "delay" ? ` ${disturbance.ms} ms` : ""}`,
  begin: () => {
    proxy.disturb(disturbance);
    if (disturbance.kind === "refuse") proxy.reset();
  },
  end: proxy.heal,
});

type MasterFault =
  | "killed, its replica takes over"
  | "paused, its replica takes over"
  | "killed, soon back and empty";

/** The master is struck that comes `index`th when the fault begins. */
const masterFault = ({ redis }: World, index: number, what: MasterFault): Fault => {
  let struck: RedisNode | undefined;
  return {
    name: `Redis: master ${index + 1} ${what}`,
    begin: async () => {
      struck = (await redis.masters())[index];
      if (struck === undefined) throw new Error("the cluster has no such master");
      if (what === "paused, its replica takes over") struck.process.kill("SIGSTOP");
      else await redis.crash(struck);
      if (what === "killed, soon back and empty") return;
      await sleepUntil(async () => (await redis.masters()).length >= 3, FAILOVER_MS);
    },
    end: async () => {
      if (struck === undefined) return;
      if (what === "paused, its replica takes over") struck.process.kill("SIGCONT");
      else await redis.start(struck);
    },
  };
};

/** The changes of the fault's time reach a synchronous standby, and a lagging one lacks them. */
const promotion = (world: World, isLagging: boolean): Fault => {
  let standby: Awaited<ReturnType<World["startStandbyOf"]>> | undefined;
  let promoted = { revision: 0, closed: [] as ClosedFeature[] };
  return {
    name: `PostgreSQL: a ${isLagging ? "lagging" : "synchronous"} standby is promoted`,
    begin: async () => {
      standby = await world.startStandbyOf();
      if (isLagging) return standby.cut();
      await world.pool.query("alter system set synchronous_standby_names = '*'");
      await world.pool.query("select pg_reload_conf()");
    },
    end: async () => {
      await sleep(SETTLED_MS);
      const closed = isLagging ? await closedEverywhere(world) : [];
      await standby?.promote({ isCut: isLagging });
      const { rows } = await world.pool.query<{ revision: number }>("select revision from state_head");
      promoted = { revision: rows[0]?.revision ?? 0, closed };
    },
    ...(isLagging ? { promoted: () => promoted } : {}),
  };
};

/** A fault by its name, for a run that wants a promotion in any case. */
export const promotions = (world: World): readonly Fault[] => [
  promotion(world, false),
  promotion(world, true),
];

/** One fault, drawn by `pick`. */
export const drawFault = (world: World, pick: Pick1): Fault => {
  const index = pick([0, 1, 2]);
  const origin = world.origins[index];
  const edgeIndex = pick([0, 1]);
  const edge = world.edges[edgeIndex];
  if (origin === undefined || edge === undefined) throw new Error("no such process");
  const nodeIndex = pick([0, 1, 2, 3, 4, 5]);
  const redisProxy = world.redisProxies[nodeIndex];
  if (redisProxy === undefined) throw new Error("no such node");
  const originName = `origin ${index + 1}`;
  const onWire = (name: string, proxy: FaultProxy): Fault =>
    pick([
      () => disturbed(name, proxy, { kind: "delay", ms: pick([20, 100, 300]) }),
      () => disturbed(name, proxy, { kind: "blackHole" }),
      () => disturbed(name, proxy, { kind: "halfOpen" }),
      () => disturbed(name, proxy, { kind: "refuse" }),
      () => ({ name: `${name}: reset`, begin: proxy.reset, end: nothing }),
    ])();
  const draw = pick<() => Fault>([
    () => onWire(`${originName} ↔ PostgreSQL`, origin.database),
    () => onWire(`${originName} ↔ PostgreSQL`, origin.database),
    () => onWire(`clients ↔ Redis node ${nodeIndex + 1}`, redisProxy),
    () => onWire(`origins ↔ edge ${edgeIndex + 1}`, edge.proxy),
    () => onWire(`origins ↔ edge ${edgeIndex + 1}`, edge.proxy),
    () => ({
      name: `${originName}: killed`,
      begin: async () => void (await origin.current().end("SIGKILL")),
      end: origin.start,
    }),
    () => ({
      name: `${originName}: asked to end`,
      begin: async () => void (await origin.current().end("SIGTERM")),
      end: origin.start,
    }),
    () => ({
      name: `${originName}: paused`,
      begin: () => void origin.current().signal("SIGSTOP"),
      end: () => void origin.current().signal("SIGCONT"),
    }),
    () => ({
      name: "all origins: killed",
      begin: async () => void (await Promise.all(world.origins.map((one) => one.current().end("SIGKILL")))),
      end: async () => void (await Promise.all(world.origins.map((one) => one.start()))),
    }),
    () => masterFault(world, index, "killed, its replica takes over"),
    () => masterFault(world, index, "killed, soon back and empty"),
    () => masterFault(world, index, "paused, its replica takes over"),
    () => ({
      name: "Redis: all nodes killed, come back empty",
      begin: async () => void (await Promise.all(world.redis.nodes.map(world.redis.crash))),
      end: async () => void (await Promise.all(world.redis.nodes.map(world.redis.start))),
    }),
    () => ({ name: "PostgreSQL: restarted", begin: () => world.restartPostgres("SIGINT"), end: nothing }),
    () => ({ name: "PostgreSQL: crashed", begin: () => world.restartPostgres("SIGQUIT"), end: nothing }),
    () => promotion(world, false),
    () => promotion(world, true),
    () => ({ name: `edge ${edgeIndex + 1}: offline`, begin: edge.stop, end: edge.start }),
    () => ({
      name: `edge ${edgeIndex + 1}: offline for ${CHANGES_OF_AN_HOUR} changes`,
      begin: async () => {
        await edge.stop();
        await changeManyTimes(world, CHANGES_OF_AN_HOUR);
      },
      end: edge.start,
    }),
    () => ({
      name: `edge ${edgeIndex + 1}: comes back with nothing`,
      begin: async () => {
        await edge.stop();
        await edge.forget();
      },
      end: edge.start,
    }),
    () => ({
      name: `edge ${edgeIndex + 1}: restarted`,
      begin: async () => {
        await edge.stop();
        await edge.start();
      },
      end: nothing,
    }),
  ]);
  return draw();
};
