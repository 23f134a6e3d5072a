// A time that comes once a week, also across changes of the clocks.
import { expect, test } from "vitest";
import { lastWeeklyTime, WeeklyTime } from "../../shared/weekly-time.ts";

const last = (at: string, now: string): string => {
  const time = WeeklyTime.parse(at);
  if (time === null) throw new Error("never");
  return new Date(lastWeeklyTime(time, Date.parse(now))).toISOString();
};

test.each([
  ["Monday 08:00 UTC", "2026-11-30T08:00:00Z", "2026-11-30T08:00:00.000Z"],
  ["Monday 08:00 UTC", "2026-11-30T07:59:59Z", "2026-11-23T08:00:00.000Z"],
  ["monday 8:00 UTC", "2026-12-06T23:59:00Z", "2026-11-30T08:00:00.000Z"],
  ["Monday 09:00 Europe/Berlin", "2026-11-30T12:00:00Z", "2026-11-30T08:00:00.000Z"],
  ["Monday 09:00 Europe/Berlin", "2026-07-06T12:00:00Z", "2026-07-06T07:00:00.000Z"],
  ["Sunday 23:30 America/New_York", "2026-11-30T12:00:00Z", "2026-11-30T04:30:00.000Z"],
  // The clocks went back on Sunday the 25th: the Friday before had summer time.
  ["Friday 09:00 Europe/Berlin", "2026-10-29T12:00:00Z", "2026-10-23T07:00:00.000Z"],
  // And forward on Sunday the 29th of March.
  ["Friday 09:00 Europe/Berlin", "2026-03-31T12:00:00Z", "2026-03-27T08:00:00.000Z"],
])("%s, asked at %s, was last at %s", (at, now, expected) => {
  expect(last(at, now)).toBe(expected);
});

test("`off` is no time of any week", () => {
  expect(WeeklyTime.parse("off")).toBe(null);
});

test.each([
  "",
  "Monday",
  "Monday 08:00",
  "Monday 24:00 UTC",
  "Monday 08:60 UTC",
  "Caturday 08:00 UTC",
  "Monday 08:00 Mars/Olympus",
])("%j is refused with what it may be", (text) => {
  expect(() => WeeklyTime.parse(text)).toThrow(/must be a weekday, a time and a zone/);
});
