// What can go wrong. Each fault begins, lasts while changes are made, and ends; what it leaves behind is for the
// system to mend.
import type { Disturbance, FaultProxy } from "../support/fault-proxy.ts";
import type { World } from "./world.ts";

export type Fault = {
  readonly name: string;
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
};

type Pick1 = <T>(from: readonly T[]) => T;

const nothing = (): void => {};

const disturbed = (name: string, proxy: FaultProxy, disturbance: Disturbance): Fault => ({
  name: `${name}: ${disturbance.kind}${disturbance.kind === "delay" ? ` ${disturbance.ms} ms` : ""}`,
  begin: () => {
    proxy.disturb(disturbance);
    if (disturbance.kind === "refuse") proxy.reset();
  },
  end: proxy.heal,
});

/** One fault, drawn by `pick`. */
export const drawFault = (world: World, pick: Pick1): Fault => {
  const index = pick([0, 1, 2]);
  const origin = world.origins[index];
  const edgeIndex = pick([0, 1]);
  const edge = world.edges[edgeIndex];
  if (origin === undefined || edge === undefined) throw new Error("no such process");
  const who = `origin ${index + 1}`;
  const onWire = (name: string, proxy: FaultProxy): Fault =>
    pick([
      () => disturbed(name, proxy, { kind: "delay", ms: pick([20, 100, 300]) }),
      () => disturbed(name, proxy, { kind: "blackHole" }),
      () => disturbed(name, proxy, { kind: "halfOpen" }),
      () => disturbed(name, proxy, { kind: "refuse" }),
      () => ({ name: `${name}: reset`, begin: proxy.reset, end: nothing }),
    ])();
  const draw = pick<() => Fault>([
    () => onWire(`${who} ↔ PostgreSQL`, origin.database),
    () => onWire(`${who} ↔ PostgreSQL`, origin.database),
    () => onWire(`${who} ↔ Redis`, origin.redis),
    () => onWire(`origins ↔ edge ${edgeIndex + 1}`, edge.proxy),
    () => onWire(`origins ↔ edge ${edgeIndex + 1}`, edge.proxy),
    () => ({
      name: `${who}: killed`,
      begin: async () => void (await origin.current().end("SIGKILL")),
      end: origin.start,
    }),
    () => ({
      name: `${who}: asked to end`,
      begin: async () => void (await origin.current().end("SIGTERM")),
      end: origin.start,
    }),
    () => ({
      name: `${who}: paused`,
      begin: () => void origin.current().signal("SIGSTOP"),
      end: () => void origin.current().signal("SIGCONT"),
    }),
    () => ({
      name: "all origins: killed",
      begin: async () => void (await Promise.all(world.origins.map((one) => one.current().end("SIGKILL")))),
      end: async () => void (await Promise.all(world.origins.map((one) => one.start()))),
    }),
    () => ({ name: "Redis: killed, comes back empty", begin: world.redis.crash, end: world.redis.start }),
    () => ({ name: "PostgreSQL: restarted", begin: () => world.restartPostgres("SIGINT"), end: nothing }),
    () => ({ name: "PostgreSQL: crashed", begin: () => world.restartPostgres("SIGQUIT"), end: nothing }),
    () => ({ name: `edge ${edgeIndex + 1}: offline`, begin: edge.stop, end: edge.start }),
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
