// Numbers in sentences.
import { expect, test } from "vitest";
import {
  capitalise,
  formatBps,
  formatCount,
  formatDuration,
  formatInstant,
  formatList,
  formatOdds,
  formatRate,
  formatThreshold,
} from "../../../origin/decide/format.ts";

test.each([
  [0, "0"],
  [999, "999"],
  [1000, "1,000"],
  [1_234_567.4, "1,234,567"],
])("the count %d is written %s", (value, text) => expect(formatCount(value)).toBe(text));

test.each([
  [0, "0.0 %"],
  [0.01, "1.0 %"],
  [0.0004, "0.040 %"],
  [0.05, "5.0 %"],
  [0.0994, "9.9 %"],
  [0.0999, "10.0 %"],
  [0.112, "11.2 %"],
  [0.15, "15.0 %"],
  [1, "100.0 %"],
])("the rate %d is written %s", (rate, text) => expect(formatRate(rate)).toBe(text));

test.each([
  [0.15, "15 %"],
  [0.0004, "0.04 %"],
  [0.11236, "11.2 %"],
  [0, "0 %"],
])("the threshold %d is written %s", (rate, text) => expect(formatThreshold(rate)).toBe(text));

test.each([
  [500, "5 %"],
  [1234, "12.34 %"],
])("%d basis points are written %s", (bps, text) => expect(formatBps(bps)).toBe(text));

test.each([
  [-Infinity, "0 : 1"],
  [Math.log(0.0123), "0.012 : 1"],
  [0, "1 : 1"],
  [Math.log(9.96), "10 : 1"],
  [Math.log(99.4), "99 : 1"],
  [Math.log(100.4), "100 : 1"],
  [Math.log(100.6), "101 : 1"],
  [Math.log(99.6), "100 : 1"],
  [Math.log(6250), "6,250 : 1"],
  [Math.log(99_999.4), "99,999 : 1"],
  [Math.log(100_000), "1.0e5 : 1"],
  [Math.log(1e6), "1.0e6 : 1"],
  [Math.log(9.99e6), "1.0e7 : 1"],
  [Math.log(1.24e10), "1.2e10 : 1"],
  [1000, "2.0e434 : 1"],
])("odds of e^%d are written %s", (logOdds, text) => expect(formatOdds(logOdds)).toBe(text));

test.each([
  [0.4, "0.4 s"],
  [8, "8 s"],
  [59, "59 s"],
  [60, "1 min"],
  [900, "15 min"],
  [5400, "1.5 h"],
  [4000, "1.1 h"],
  [86_400, "1 d"],
  [604_800, "7 d"],
])("%d seconds are written %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test("a moment is written to the second, in UTC", () => {
  expect(formatInstant(1_800_000_042.9)).toBe("2027-01-15 08:00:42 UTC");
});

test('the last two words of a list stand beside an "and"', () => {
  expect(formatList([])).toBe("");
  expect(formatList(["one"])).toBe("one");
  expect(formatList(["one", "two"])).toBe("one and two");
  expect(formatList(["one", "two", "three"])).toBe("one, two and three");
});

test("a sentence begins with a capital", () => {
  expect(capitalise("late telemetry")).toBe("Late telemetry");
  expect(capitalise("")).toBe("");
});
