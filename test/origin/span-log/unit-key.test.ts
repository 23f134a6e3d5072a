import { expect, test } from "vitest";
import { viewOf } from "../../../origin/span-log/bytes.ts";
import { hash64 } from "../../../origin/span-log/hash.ts";
import { featureEpoch, hashUnit } from "../../../origin/span-log/unit-key.ts";
import { partitionOf } from "../../../shared/telemetry/partition-numbers.ts";

test("ids that differ little have different hashes, spread evenly over the partitions", () => {
  const out = { low: 0, high: 0 };
  const seen = new Set<string>();
  const partitions = [0, 0, 0, 0];
  for (let i = 0; i < 200_000; i++) {
    const bytes = Buffer.from(`user-${i}`);
    hash64(viewOf(bytes), 0, bytes.length, 1, 2, out);
    seen.add(`${out.low}:${out.high}`);
    const partition = partitionOf(out.low, 4);
    partitions[partition] = (partitions[partition] ?? 0) + 1;
  }
  expect(seen.size).toBe(200_000);
  // Chi-square with 3 degrees of freedom; 16.3 is its 99.9 % point, and the hash is fixed.
  expect(partitions.reduce((sum, count) => sum + (count - 50_000) ** 2 / 50_000, 0)).toBeLessThan(16.3);
});

test("a unit's key is the one under which databases already hold it, in each feature and epoch", () => {
  const keyOf = (featureId: string, epoch: number): string => {
    const key = { low: 0, high: 0 };
    const unit = Buffer.from("a visitor 7.");
    hashUnit(featureEpoch(featureId, epoch, null), { view: viewOf(unit), start: 2, end: 11 }, key);
    return [key.low, key.high].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join(" ");
  };
  expect(featureEpoch("feat_ü", 3, null)).toMatchObject({ seedLow: -1_981_485_708, seedHigh: 707_311_321 });
  expect(keyOf("feat_ü", 3)).toBe("f84d8ba4 e53fb217");
  expect(keyOf("feat_b", 1)).toBe("4a5bdd79 3743897d");
});
