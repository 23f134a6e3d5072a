// The order in which targets are evaluated.
import { expect, test } from "vitest";
import { emptyEvidence } from "../../../origin/decide/evidence.ts";
import { batchTargets } from "../../../origin/evaluate/batches.ts";
import type { StoredTrial } from "../../../origin/evaluate/stored-trial.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";

const ages = {
  ...agesOf({ activationWindowSeconds: 900, retentionWindowSeconds: 1800, returnAfterSeconds: 900 }),
  bucketSeconds: 60,
};
const NOW = 6_000_000;

/** A target whose trial has so many buckets to take in. */
const targetOf = (name: string, buckets: number) => {
  const since = NOW - 60 * buckets;
  const trial: StoredTrial = {
    terms: "",
    stamp: "",
    decided: null,
    cause: [],
    evidence: emptyEvidence(ages, since, { rolloutBps: 5000, holdoutBps: 5000 }),
    treatmentSketch: new Uint8Array(),
    holdoutSketch: new Uint8Array(),
  };
  return { name, trial, epochStartedAt: 0, ages };
};
const names = (batches: { name: string }[][]) => batches.map((batch) => batch.map(({ name }) => name));

test("targets with few new buckets come first, and those with many alone", () => {
  const targets = [
    targetOf("month", 43_200),
    targetOf("new", 1),
    targetOf("day", 1440),
    targetOf("hour", 60),
  ];
  expect(names(batchTargets(targets, NOW))).toEqual([["new", "hour"], ["day"], ["month"]]);
});

test("a batch holds a thousand buckets, and a target counts as ten at least", () => {
  const idle = Array.from({ length: 201 }, (_, i) => targetOf(String(i), 0));
  expect(batchTargets(idle, NOW).map(({ length }) => length)).toEqual([100, 100, 1]);
  const busy = [targetOf("a", 400), targetOf("b", 600), targetOf("c", 601)];
  expect(names(batchTargets(busy, NOW))).toEqual([["a", "b"], ["c"]]);
});

test("a target without a trial has its whole epoch before it", () => {
  const fresh = { name: "fresh", trial: null, epochStartedAt: NOW - 60 * 500, ages };
  expect(names(batchTargets([fresh, targetOf("b", 501), targetOf("a", 499)], NOW))).toEqual([
    ["a", "fresh"],
    ["b"],
  ]);
});

test("no targets make no batches", () => {
  expect(batchTargets([], NOW)).toEqual([]);
});
