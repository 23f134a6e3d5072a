// Keeps the fold going when a feature cannot be counted: finds out which one, sets its records aside, and tries from time to
// time whether they can be counted now. Each piece is rehearsed first: done as ever, and taken back.
import { DatabaseError } from "pg";
import type { Client, Pool } from "../../db/pool.ts";
import { errorText } from "../../runtime/error-text.ts";
import { blockProblem } from "../../span-log/read-block.ts";
import type { LogRow } from "../../span-log/span-log.ts";
import { makeAggregateStore } from "../aggregate-store.ts";
import type { Aside } from "../batch/find-units.ts";
import { featuresOf, foldBatch, type NamedFeature } from "../batch/fold-batch.ts";
import { makeFoldMemory } from "../batch/fold-memory.ts";
import type { RawSpanSink } from "../raw-spans/raw-span-sink.ts";
import type { Owned } from "../partition-ownership.ts";
import type { StoredWindows, UnsyncedFeature } from "../sync-windows.ts";
import { findPoison } from "./find-poison.ts";
import {
  addToQuarantine,
  countSetAside,
  liftQuarantine,
  quarantineKey,
  readQuarantine,
  readSetAside,
  UNREADABLE,
  type Quarantined,
} from "./quarantine.ts";

/** Enough for a batch; much less than the fold remembers. */
const REHEARSAL_LIMITS = { unitSlots: 2 ** 17, dedupeKeys: 1_000_000 };
/** With as many features in a batch of which none can be counted, the cause is not one of them. */
const TOO_MANY_TO_BLAME = 3;

/**
 * Whether an error says something about the data of a batch: a value out of range, a constraint, damaged bytes. Rights that
 * are missing, a full disk or a broken connection are nobody's among the features.
 */
const isOfData = (error: unknown): boolean =>
  error instanceof DatabaseError ? /^(22|23|54|P0|XX)/.test(error.code ?? "") : error instanceof Error;

export type QuarantineEvent = {
  readonly kind: "setAside" | "countedAgain" | "rulePassedOver";
  /** '': rows of the log that cannot be read */
  readonly featureId: string;
  readonly epoch: number;
  readonly reason: string;
};

export const makeQuarantine = (options: {
  client: Client;
  pool: Pool;
  runRows: number;
  makeRawSpans: () => RawSpanSink;
  owned: Owned;
  windows: () => StoredWindows;
  /** Stores windows for features of these rows that have none; tells for which it could not. */
  learnWindows: (rows: readonly LogRow[], aside: Aside) => Promise<readonly UnsyncedFeature[]>;
  onEvent: (event: QuarantineEvent) => void;
}) => {
  const { client, pool, runRows, makeRawSpans, owned, windows, learnWindows, onEvent } = options;
  let quarantine = new Map<string, Quarantined>();

  /** The error with which this batch cannot be stored; null when it can. */
  const rehearse = async (rows: readonly LogRow[], aside: Aside): Promise<unknown> => {
    try {
      const store = makeAggregateStore(client, runRows, makeRawSpans(), "rehearsal");
      await store.open(owned, true);
      const memory = makeFoldMemory(REHEARSAL_LIMITS);
      await foldBatch({ store, memory, windows: windows(), rows, aside });
      return null;
    } catch (error) {
      if (!isOfData(error)) throw error;
      // Where the connection is broken this throws, and no feature is to blame.
      await client.query("rollback");
      return error;
    }
  };

  const setAside = async (feature: NamedFeature, error: unknown): Promise<void> => {
    const partitions = [...owned.keys()];
    const reason = errorText(error);
    await addToQuarantine(pool, feature, partitions, reason);
    for (const partition of partitions) {
      const quarantined = { ...feature, partition };
      quarantine.set(quarantineKey(quarantined), quarantined);
    }
    onEvent({ kind: "setAside", ...feature, reason });
  };

  /** All features but these, and those that are set aside anyway. */
  const allBut = (some: readonly NamedFeature[], all: readonly NamedFeature[]): Aside["features"] => {
    const others = all.filter((feature) => !some.includes(feature));
    const keys = others.flatMap((feature) =>
      [...owned.keys()].map((partition) => quarantineKey({ ...feature, partition })),
    );
    return new Set([...quarantine.keys(), ...keys]);
  };

  const setPoisonedAside = async (rows: readonly LogRow[], unreadable: Aside["rows"]): Promise<void> => {
    const aside = { features: quarantine, rows: unreadable };
    for (const { feature, error } of await learnWindows(rows, aside)) await setAside(feature, error);
    const features = featuresOf(rows, aside);
    const poisoned = await findPoison(features, (some) =>
      rehearse(rows, { features: allBut(some, features), rows: unreadable }),
    );
    const [first] = poisoned;
    if (first !== undefined && poisoned.length === features.length && poisoned.length >= TOO_MANY_TO_BLAME)
      throw new Error("no feature can be counted", { cause: first.error });
    for (const { item, error } of poisoned) await setAside(item, error);
  };

  /** Counts the oldest of what is set aside of a feature in a partition, if that is possible now. */
  const countOldest = async (
    quarantined: Quarantined,
    fold: (rows: readonly LogRow[], aside: Aside) => Promise<void>,
  ): Promise<"counted" | "nothingLeft" | "notYet"> => {
    const rows = await readSetAside(client, quarantined);
    if (rows.length === 0) return "nothingLeft";
    const isReadable = rows.every(({ block, spanKeys }) => blockProblem(block, spanKeys) === null);
    const others = [...quarantine.keys()].filter((key) => key !== quarantineKey(quarantined));
    const aside: Aside = { features: new Set(others), rows: new Set() };
    if (!isReadable || (await learnWindows(rows, aside)).length > 0) return "notYet";
    if ((await rehearse(rows, aside)) !== null) return "notYet";
    await fold(rows, aside);
    return "counted";
  };

  /** A feature is counted as ever once nothing of it is left in any partition: what fails in one will fail in the others. */
  const lift = async (ofFeature: readonly Quarantined[]): Promise<void> => {
    for (const quarantined of ofFeature) {
      if (!(await liftQuarantine(client, quarantined))) return;
      quarantine.delete(quarantineKey(quarantined));
    }
    const [first] = ofFeature;
    if (first !== undefined) onEvent({ kind: "countedAgain", ...first, reason: "" });
  };

  return {
    features: (): Aside["features"] => quarantine,
    /** To be called when other partitions are owned. */
    reload: async (): Promise<void> => {
      quarantine = await readQuarantine(client, [...owned.keys()]);
    },
    /** Before a batch whose like has failed: sets aside what cannot be counted; returns the rows that cannot be read. */
    examine: async (rows: readonly LogRow[]): Promise<Aside["rows"]> => {
      const unreadable = new Set<LogRow>();
      let problem: string | null = null;
      for (const row of rows) {
        const found = blockProblem(row.block, row.spanKeys);
        if (found === null) continue;
        unreadable.add(row);
        problem ??= `row ${row.seq} of writer ${row.writer}: ${found}`;
      }
      if (problem !== null) await setAside(UNREADABLE, new Error(problem));
      await setPoisonedAside(rows, unreadable);
      return unreadable;
    },
    /** Counts what is set aside as far as that is possible now. Whether there may be more. */
    tryAgain: async (fold: (rows: readonly LogRow[], aside: Aside) => Promise<void>): Promise<boolean> => {
      quarantine = await readQuarantine(client, [...owned.keys()]);
      const byFeature = Map.groupBy(quarantine.values(), ({ featureId, epoch }) => `${epoch}:${featureId}`);
      let more = false;
      for (const ofFeature of byFeature.values()) {
        const outcomes: Awaited<ReturnType<typeof countOldest>>[] = [];
        for (const quarantined of ofFeature) outcomes.push(await countOldest(quarantined, fold));
        if (outcomes.includes("counted")) more = true;
        else if (!outcomes.includes("notYet")) await lift(ofFeature);
      }
      return more;
    },
    /** Records that are set aside, by feature. */
    count: (): Promise<Record<string, number>> => countSetAside(pool),
  };
};
