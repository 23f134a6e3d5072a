// The features that exist and their current epochs, which ingest needs for every span: kept in memory, read again every
// second, and when a span names a feature or epoch that was not there a second ago.
import { setTimeout as sleep } from "node:timers/promises";
import type { Queryable } from "../db/pool.ts";
import type { EpochName, PseudonymKeys } from "../span-log/pseudonyms/pseudonym-keys.ts";
import { featureEpoch, type FeatureEpoch } from "../span-log/unit-key.ts";

const REFRESH_MS = 1_000;
/** New names do not bring more reads than one in this time. */
const SPACING_MS = 100;
/** Names that are remembered as missing; with more than these, all are looked for again. */
const MAX_MISSING = 10_000;

type Entry = { epoch: number; epochs: Map<number, FeatureEpoch> };

export type FeatureDirectory = {
  /**
   * "unknown": there is no such feature, or the epoch has not begun. "unsure": it is not known and was not looked for
   * within the last second; refresh and find again. An absent epoch means the current one.
   */
  readonly find: (featureId: string, epoch: number | undefined) => FeatureEpoch | "unknown" | "unsure";
  /** Whether the last read is more than a second ago. */
  readonly isOld: () => boolean;
  readonly refresh: () => Promise<void>;
};

/** `nowMs`: a monotonic clock. Current epochs are at most a second behind. */
export const makeFeatureDirectory = (options: {
  db: Queryable;
  pseudonyms: Pick<PseudonymKeys, "of">;
  nowMs: () => number;
}): FeatureDirectory => {
  const { db, pseudonyms, nowMs } = options;
  let entries = new Map<string, Entry>();
  let sought = new Set<string>();
  /** of earlier epochs, which are read when a span names them */
  let soughtEpochs = new Map<string, EpochName>();
  let missing = new Map<string, number>();
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  /** Epochs are read once, since their keys never change. */
  const addEpochs = async (wanted: readonly EpochName[]): Promise<void> => {
    const fresh = wanted.filter(
      ({ featureId, epoch }) => entries.get(featureId)?.epochs.has(epoch) === false,
    );
    const keys = await pseudonyms.of(fresh);
    for (const [i, { featureId, epoch }] of fresh.entries())
      entries.get(featureId)?.epochs.set(epoch, featureEpoch(featureId, epoch, keys[i] ?? null));
  };

  const read = async (): Promise<void> => {
    const waitMs = readAt + SPACING_MS - nowMs();
    if (waitMs > 0) await sleep(waitMs);
    const startedAt = nowMs();
    const names = sought;
    const earlier = soughtEpochs;
    sought = new Set();
    soughtEpochs = new Map();
    const { rows } = await db.query<{ feature_id: string; epoch: number }>({
      name: "feature-directory",
      text: "select feature_id, epoch from feature_flags",
    });
    entries = new Map(
      rows.map(({ feature_id: featureId, epoch }) => [
        featureId,
        { epoch, epochs: entries.get(featureId)?.epochs ?? new Map<number, FeatureEpoch>() },
      ]),
    );
    await addEpochs([
      ...rows.map(({ feature_id: featureId, epoch }) => ({ featureId, epoch })),
      ...earlier.values(),
    ]);
    if (missing.size > MAX_MISSING) missing = new Map();
    for (const name of names) missing.set(name, startedAt);
    readAt = startedAt;
  };

  const absent = (name: string): "unknown" | "unsure" => {
    const lookedAt = missing.get(name);
    if (lookedAt !== undefined && nowMs() - lookedAt < REFRESH_MS) return "unknown";
    sought.add(name);
    return "unsure";
  };

  return {
    find: (featureId, wanted) => {
      const entry = entries.get(featureId);
      if (entry === undefined) return absent(featureId);
      const epoch = wanted ?? entry.epoch;
      if (!Number.isInteger(epoch) || epoch < 1) return "unknown";
      if (epoch > entry.epoch) return absent(`${epoch}@${featureId}`);
      const found = entry.epochs.get(epoch);
      if (found !== undefined) return found;
      soughtEpochs.set(`${epoch}@${featureId}`, { featureId, epoch });
      return "unsure";
    },
    isOld: () => nowMs() - readAt > REFRESH_MS,
    refresh: () =>
      (reading ??= read().finally(() => {
        reading = undefined;
      })),
  };
};
