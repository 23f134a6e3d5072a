// Three NATS servers that keep the log of an installation under faults, and what is done to them: a leader is killed, a server
// stands still, the network between servers or from clients is cut, a disk is full.
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "../../origin/db/pool.ts";
import { errorText } from "../../origin/runtime/error-text.ts";
import { makeNatsLink } from "../../origin/span-log/jetstream/link.ts";
import { makeJetStreamReader } from "../../origin/span-log/jetstream/read.ts";
import { DEFAULT_PARTITIONS as PARTITIONS } from "../../shared/telemetry/partition-numbers.ts";
import type { FoldPositions } from "../../origin/span-log/span-log.ts";
import { streamOf } from "../../origin/span-log/jetstream/settings.ts";
import { manage } from "../../origin/span-log/jetstream/streams.ts";
import { startCuttableProxy, type CuttableProxy } from "../support/cuttable-proxy.ts";
import { jetStreamSettings, startNats } from "../support/nats.ts";
import { findInStreams } from "./find-spans.ts";
import { waitUntil } from "./wait-until.ts";

const FAULTS = ["leader", "pause", "serverNetwork", "clientNetwork"] as const;
export type LogFault = (typeof FAULTS)[number] | "disk";

/** Mulberry32: numbers in [0, 1). */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Gives each of them once, in an order by chance, before any comes again: a run as long as the deck leaves none out. */
export const shuffledDeck = <T>(cards: readonly T[], random: () => number): (() => T | undefined) => {
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = [...cards];
    return left.splice(Math.floor(random() * left.length), 1)[0];
  };
};

/** Room for what the log keeps of a run of a hundred faults: a server that has no room by itself does not catch up. */
const DISK_MB = 256;

/** A disk of that size, which only root may mount. */
const mountDisk = (): string | undefined => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "sluice-nats-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MB}m,mode=0700`, "tmpfs", folder], {
      stdio: "ignore",
    });
    return folder;
  } catch {
    return undefined;
  }
};

export const startLogServers = async (random: () => number) => {
  const disk = mountDisk();
  const routes: { from: number; to: number; proxy: CuttableProxy }[] = [];
  const nats = await startNats({
    nodes: 3,
    storeDirs: [undefined, undefined, disk === undefined ? undefined : join(disk, "data")],
    route: async (from, to, port) => {
      const proxy = await startCuttableProxy(`nats://127.0.0.1:${port}`);
      routes.push({ from, to, proxy });
      return Number(new URL(proxy.url).port);
    },
  });
  const ways = await Promise.all(nats.urls.map((url) => startCuttableProxy(url)));
  const settings = jetStreamSettings(nats, "faults");
  const link = makeNatsLink(settings, "sluice-faults");
  const numberOf = (name: string | undefined): number => nats.nodes.findIndex((node) => node.name === name);
  const anyNode = (): number => Math.floor(random() * nats.nodes.length);

  const leaderOf = async (partition: number): Promise<number> => {
    try {
      const manager = await manage(link.connection());
      return numberOf((await manager.streams.info(streamOf(settings, partition))).cluster?.leader);
    } catch {
      return -1;
    }
  };
  const victimOf = async (): Promise<number> => {
    const leader = await leaderOf(Math.floor(random() * PARTITIONS));
    return leader < 0 ? anyNode() : leader;
  };
  const isCurrent = async (): Promise<boolean> => {
    try {
      const manager = await manage(link.connection());
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const { cluster } = await manager.streams.info(streamOf(settings, partition));
        const current = (cluster?.replicas ?? []).filter((replica) => replica.current);
        if (current.length < 2) return false;
      }
      return true;
    } catch {
      return false;
    }
  };

  /** What the servers say of the streams, for the report of a run that does not go on. */
  const state = async (): Promise<string> => {
    try {
      const manager = await manage(link.connection());
      const lines: string[] = [];
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const { cluster, state: at } = await manager.streams.info(streamOf(settings, partition));
        const replicas = (cluster?.replicas ?? []).map(
          ({ name, current, offline, lag }) =>
            `${name} ${offline ? "offline" : current ? "current" : "behind"} by ${lag ?? 0}`,
        );
        lines.push(
          `${streamOf(settings, partition)}: ${at.first_seq} to ${at.last_seq}, leader ${cluster?.leader ?? "none"}; ${replicas.join(", ")}`,
        );
      }
      return lines.join("\n");
    } catch (error) {
      return `the streams cannot be asked: ${errorText(error)}`;
    }
  };

  return {
    state,
    faults: disk === undefined ? FAULTS : [...FAULTS, "disk" as const],
    env: {
      SPAN_LOG_URL: ways.map(({ url }) => url.replace("http:", "nats:")).join(","),
      SPAN_LOG_PREFIX: settings.prefix,
    },
    harm: async (fault: LogFault): Promise<void> => {
      const node = nats.nodes[fault === "disk" ? 2 : await victimOf()];
      if (node === undefined) return;
      const own = routes.filter(({ from, to }) => from === numberOf(node.name) || to === numberOf(node.name));
      const forMs = 500 + random() * 3_000;
      switch (fault) {
        case "leader":
          await node.kill();
          await sleep(forMs);
          await node.start();
          break;
        case "pause":
          node.pause();
          await sleep(forMs * 2);
          node.resume();
          break;
        case "serverNetwork":
          for (const { proxy } of own) proxy.cut();
          await sleep(forMs * 2);
          for (const { proxy } of own) proxy.mend();
          break;
        case "clientNetwork":
          for (const way of ways) way.cut();
          await sleep(forMs);
          for (const way of ways) way.mend();
          break;
        case "disk":
          // Until nothing fits any more. JetStream gives the disk up, and comes back with the server's next start.
          await writeFile(join(disk ?? "", "filler"), Buffer.alloc(DISK_MB * 2 ** 20)).catch(() => {});
          await sleep(forMs);
          await rm(join(disk ?? "", "filler"), { force: true });
          await node.kill();
          await node.start();
      }
      // The late server catches up before the next fault: of three, one may be away.
      await waitUntil(`three replicas of each stream are current after ${fault}`, isCurrent, 120_000, state);
    },
    isCurrent,
    /** Which of these spans each server lacks, and what it has of each stream. */
    find: async (keys: ReadonlySet<string>): Promise<string[]> => {
      const streams = Array.from({ length: PARTITIONS }, (_, partition) => streamOf(settings, partition));
      return findInStreams(link.connection(), streams, keys);
    },
    /** Seconds since the oldest acknowledged block that is not folded. */
    unfoldedSeconds: async (main: Pool, positions: FoldPositions): Promise<number> =>
      makeJetStreamReader({
        link,
        settings,
        pool: main,
        nowMs: Date.now,
        onProblem: () => {},
        onLost: () => {},
      }).unfoldedSeconds(positions),
    stop: async (): Promise<void> => {
      await link.close();
      for (const { proxy } of routes) proxy.stop();
      for (const way of ways) way.stop();
      await nats.stop();
      if (disk === undefined) return;
      execFileSync("umount", [disk]);
      await rm(disk, { recursive: true, force: true });
    },
  };
};
