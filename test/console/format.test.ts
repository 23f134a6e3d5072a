import { expect, test } from "vitest";
import { formatEvidence, formatOdds } from "../../console/src/format.ts";

test.each([
  [0, "1 : 1"],
  [14.54, "10¹⁴ : 1"],
  [926, "10⁹²⁶ : 1"],
  [-2, "1 : 100"],
  [-39.7, "1 : 10³⁹"],
])("odds of ten to the power of %d read as %s", (power, text) => {
  expect(formatOdds(power)).toBe(text);
});

test("evidence that refutes outright has no number", () => {
  expect(formatEvidence(null)).toBe("–");
  expect(formatEvidence(Math.log(100))).toBe("100 : 1");
});
