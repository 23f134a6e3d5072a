// Spans of units that have no exposure yet: requests and activations change no count until their exposure is there, in whatever
// order they come in. They wait in memory and, in the transactions of the fold, in the table waiting_units.
//
// Bounded in time and in number. What waits in vain is counted as left out: most of it are activations of visitors who never
// met the feature.
import type { Client } from "../../db/pool.ts";
import { countByPartition, DEFAULT_PARTITIONS } from "../../../shared/telemetry/partition-numbers.ts";
import type { UncountedSpans } from "../../span-log/uncounted.ts";
import { readWaitingUnits, writeWaitingUnits, type WaitingSpan, type WaitingUnit } from "./waiting-table.ts";

/** A span waits this long for its exposure after the log has taken it. */
const WAIT_MS = 3_600_000;
/** Of one fold process; with more, the oldest no longer wait. About 30 MB. */
const MAX_UNITS = 100_000;
/** Further spans of the unit are left out. */
const MAX_SPANS_OF_UNIT = 16;

/** Clocks of edges differ: an exposure may seem to come this much after what it led to. */
const CLOCK_SKEW_MS = 1_000;

/** Whether a span at this time has to wait, when the unit's first known exposure is at `exposedMs`. */
export const waitsForExposure = (atMs: number, exposedMs: number): boolean =>
  atMs < exposedMs - CLOCK_SKEW_MS;

const REASON = "no-exposure";

const keyOf = (low: number, high: number): string => `${low} ${high}`;

export const makeWaitingSpans = (uncounted: Pick<UncountedSpans, "add">) => {
  /** in the order of arrival */
  const units = new Map<string, WaitingUnit>();
  /** lower halves of the keys, and how many units have each: most units do not wait, and this says so at once */
  const lows = new Map<number, number>();
  /** keys whose rows are out of date */
  const changed = new Set<string>();
  const stored = new Set<string>();
  let partitions = DEFAULT_PARTITIONS;

  const put = (key: string, unit: WaitingUnit): void => {
    if (!units.delete(key)) lows.set(unit.low, (lows.get(unit.low) ?? 0) + 1);
    units.set(key, unit);
  };

  const remove = (key: string, { low }: WaitingUnit): void => {
    units.delete(key);
    const left = (lows.get(low) ?? 1) - 1;
    if (left === 0) lows.delete(low);
    else lows.set(low, left);
    changed.add(key);
  };

  const giveUp = (key: string, unit: WaitingUnit): void => {
    uncounted.add(unit, REASON, unit.spans.length);
    remove(key, unit);
  };

  return {
    /** All that waits in these partitions, as it is stored. */
    open: async (client: Client, owned: Iterable<number>): Promise<void> => {
      units.clear();
      lows.clear();
      changed.clear();
      stored.clear();
      const numbers = [...owned];
      partitions = countByPartition(numbers[0] ?? 0);
      for (const unit of await readWaitingUnits(client, numbers)) {
        const key = keyOf(unit.low, unit.high);
        put(key, unit);
        stored.add(key);
      }
    },

    size: (): number => units.size,

    /** The waiting spans of a unit. */
    of: (low: number, high: number): readonly WaitingSpan[] => {
      if (!lows.has(low)) return [];
      return units.get(keyOf(low, high))?.spans ?? [];
    },

    add: (
      { low, high }: Pick<WaitingUnit, "low" | "high">,
      { featureId, epoch }: Pick<WaitingUnit, "featureId" | "epoch">,
      span: WaitingSpan,
      arrivedMs: number,
    ): void => {
      const key = keyOf(low, high);
      const before = units.get(key)?.spans ?? [];
      const unit = { low, high, featureId, epoch, arrivedMs, spans: before };
      if (before.length < MAX_SPANS_OF_UNIT) unit.spans = [...before, span];
      else uncounted.add(unit, REASON, 1);
      put(key, unit);
      changed.add(key);
      if (units.size <= MAX_UNITS) return;
      const [oldest] = units;
      if (oldest !== undefined) giveUp(...oldest);
    },

    /** Takes out the spans of a unit that wait no longer, since its first exposure is at `exposedMs`. */
    release: (low: number, high: number, exposedMs: number): readonly WaitingSpan[] => {
      if (!lows.has(low)) return [];
      const key = keyOf(low, high);
      const unit = units.get(key);
      if (unit === undefined) return [];
      const released = unit.spans.filter(({ startMs }) => !waitsForExposure(startMs, exposedMs));
      if (released.length === 0) return released;
      const left = unit.spans.filter((span) => !released.includes(span));
      if (left.length === 0) remove(key, unit);
      else {
        unit.spans = left;
        changed.add(key);
      }
      return released;
    },

    /** Gives up what has waited too long. `nowMs`: when the log took the newest row. */
    expire: (nowMs: number): void => {
      for (const [key, unit] of units) {
        if (unit.arrivedMs > nowMs - WAIT_MS) return;
        giveUp(key, unit);
      }
    },

    /** Brings the table in line; in the batch's transaction. */
    write: async (client: Client): Promise<void> => {
      if (changed.size === 0) return;
      const written: WaitingUnit[] = [];
      const gone: Pick<WaitingUnit, "low" | "high">[] = [];
      for (const key of changed) {
        const unit = units.get(key);
        if (unit !== undefined) {
          written.push(unit);
          stored.add(key);
        } else if (stored.delete(key)) {
          const [low = 0, high = 0] = key.split(" ").map(Number);
          gone.push({ low, high });
        }
      }
      changed.clear();
      await writeWaitingUnits(client, written, gone, partitions);
    },
  };
};
export type WaitingSpans = ReturnType<typeof makeWaitingSpans>;
