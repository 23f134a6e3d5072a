import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { agesOf } from "../../shared/features/outcome-ages.ts";

const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];
const windows = {
  activationWindowSeconds: DAY,
  retentionWindowSeconds: 7 * DAY,
  returnAfterSeconds: DAY,
};

describe("the ages at which outcomes are compared", () => {
  test("are those inside the window, and the window itself at last", () => {
    expect(agesOf(windows)).toEqual({
      activation: [15 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, DAY],
      retention: [3 * DAY, 7 * DAY],
      bucketSeconds: 180,
    });
  });

  test("go up to a day for activation and to a week for retention, however long the windows are", () => {
    const { activation, retention } = agesOf({
      activationWindowSeconds: 30 * DAY,
      retentionWindowSeconds: 30 * DAY,
      returnAfterSeconds: HOUR,
    });
    expect(activation).toEqual([15 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, DAY, 30 * DAY]);
    expect(retention).toEqual([DAY, 3 * DAY, 7 * DAY, 30 * DAY]);
  });

  test("begin for retention after the time from which a visit is a return", () => {
    const retention = (returnAfterSeconds: number) => agesOf({ ...windows, returnAfterSeconds }).retention;
    expect(retention(DAY - 1)).toEqual([DAY, 3 * DAY, 7 * DAY]);
    expect(retention(DAY)).toEqual([3 * DAY, 7 * DAY]);
    expect(retention(3 * DAY)).toEqual([7 * DAY]);
  });

  test("are the window alone where it is short", () => {
    const { activation, retention } = agesOf({
      activationWindowSeconds: 15 * MINUTE,
      retentionWindowSeconds: HOUR,
      returnAfterSeconds: MINUTE,
    });
    expect(activation).toEqual([15 * MINUTE]);
    expect(retention).toEqual([HOUR]);
  });

  test("rise, and end with the window", () => {
    const seconds = fc.integer({ min: 1, max: 60 * DAY });
    fc.assert(
      fc.property(seconds, seconds, seconds, (activationWindow, retentionWindow, returnAfterSeconds) => {
        const { activation, retention } = agesOf({
          activationWindowSeconds: activationWindow,
          retentionWindowSeconds: retentionWindow,
          returnAfterSeconds,
        });
        expect(activation).toEqual([...new Set(activation)].toSorted((a, b) => a - b));
        expect(retention).toEqual([...new Set(retention)].toSorted((a, b) => a - b));
        expect([activation.at(-1), retention.at(-1)]).toEqual([activationWindow, retentionWindow]);
      }),
    );
  });
});

describe("an exposure bucket", () => {
  const bucketSeconds = (activationWindowSeconds: number, retentionWindowSeconds = 7 * DAY) =>
    agesOf({ ...windows, activationWindowSeconds, retentionWindowSeconds }).bucketSeconds;

  test("is a fifth of the youngest age, of whichever outcome", () => {
    expect(bucketSeconds(100)).toBe(20);
    expect(bucketSeconds(100, 50)).toBe(10);
    expect(bucketSeconds(104)).toBe(20);
  });

  test("is a second at least and an hour at most", () => {
    expect(bucketSeconds(4)).toBe(1);
    expect(bucketSeconds(9)).toBe(1);
    expect(bucketSeconds(10)).toBe(2);
    expect(bucketSeconds(DAY)).toBe(180);
  });
});
