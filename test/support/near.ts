import { expect } from "vitest";

/** NaN is near nothing; an infinity is near itself. */
export const expectNear = (found: number, wanted: number, within: number): void =>
  expect(
    found === wanted || Math.abs(found - wanted) <= within,
    `${found} is not within ${within} of ${wanted}`,
  ).toBe(true);

/** As exactly as a sum of a few thousand logarithms is in doubles. */
export const expectExact = (found: number, wanted: number): void =>
  expectNear(found, wanted, 1e-13 * Math.max(1, Math.abs(wanted)));

/** The same for each element. */
export const expectEachExact = (found: readonly number[], wanted: readonly number[]): void => {
  expect(found).toHaveLength(wanted.length);
  for (const [at, one] of wanted.entries()) expectExact(found[at] ?? Number.NaN, one);
};
