import { expect, test } from "vitest";
import { CaptchaThreshold } from "../../shared/telemetry/captcha-threshold.ts";

test.each([
  ["0", 0],
  ["1", 1],
  ["0.7", 0.7],
  [".25", 0.25],
  ["0.05", 0.05],
  ["1.00", 1],
])("the threshold %s is %d", (text, value) => {
  expect(CaptchaThreshold.parse(text)).toBe(value);
});

test.each(["", "2", "1.1", "-0.5", "0.", "1.", ".", "0.5x", "x0.5", "00", "1e-1"])(
  "%j is no threshold",
  (text) => {
    expect(CaptchaThreshold.safeParse(text).success).toBe(false);
  },
);

test("where no threshold is set it is a half", () => {
  expect(CaptchaThreshold.parse(undefined)).toBe(0.5);
});
