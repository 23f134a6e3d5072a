// Keys of units: a 64-bit hash of feature, epoch and the unit's stored name. The key decides the partition of the log, and with it the
// process that counts the unit.
import { viewOf, type TextRange } from "./bytes.ts";
import { hash64, type Hash64 } from "./hash.ts";
import type { EpochPseudonyms } from "./pseudonyms/pseudonym-keys.ts";

/** A feature in one epoch, with the seeds of its units' keys. */
export type FeatureEpoch = {
  readonly featureId: string;
  readonly epoch: number;
  readonly seedLow: number;
  readonly seedHigh: number;
  /** what units are named with before they are stored */
  readonly pseudonyms: EpochPseudonyms;
};

export const featureEpoch = (featureId: string, epoch: number, pseudonyms: EpochPseudonyms): FeatureEpoch => {
  const text = Buffer.from(`${epoch}:${featureId}`);
  const seed: Hash64 = { low: 0, high: 0 };
  hash64(viewOf(text), 0, text.length, 0x5bd1e995, 0x27d4eb2f, seed);
  return { featureId, epoch, seedLow: seed.low, seedHigh: seed.high, pseudonyms };
};

/** Leaves the key of the unit in `key`. */
export const hashUnit = (feature: FeatureEpoch, unit: TextRange, key: Hash64): void =>
  hash64(unit.view, unit.start, unit.end, feature.seedLow, feature.seedHigh, key);
