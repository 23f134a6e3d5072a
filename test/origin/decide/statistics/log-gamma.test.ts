import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  deviance,
  logBetaOver,
  logGamma,
  stirlingRest,
} from "../../../../origin/decide/statistics/log-gamma.ts";
import values from "../../../spec/statistics.json" with { type: "json" };
import { expectExact, expectNear } from "../../../support/near.ts";

test.each(values.stirlingRest.cases)(
  "at $x Stirling's formula misses ln Γ by $rest",
  ({ x, rest, within }) => {
    expectNear(stirlingRest(x), rest, within);
  },
);

test.each(values.logGamma.cases)("ln Γ($x) is $logGamma", ({ x, logGamma: wanted }) => {
  expectExact(logGamma(x), wanted);
});

test("Γ(x + 1) is x Γ(x)", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 1e6, noNaN: true }), (x) => {
      expectNear(logGamma(x + 1) - logGamma(x), Math.log(x), 1e-14 * Math.max(10, Math.abs(logGamma(x))));
    }),
  );
});

test.each(values.deviance.cases)("the deviance of $x from $m is $deviance", ({ x, m, deviance: wanted }) => {
  expectNear(deviance(x, m), wanted, 1e-14 * wanted);
});

test("the deviance is smallest, and 0, where nothing deviates", () => {
  const amount = fc.double({ min: 1e-3, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(amount, amount, (x, m) => {
      expect(deviance(x, m)).toBeGreaterThanOrEqual(0);
      expect(deviance(m, m)).toBe(0);
    }),
  );
});

test.each(values.logBetaOver.cases)(
  "ln B($a, $b) over the likelihood at $p is $value",
  ({ a, b, p, value }) => {
    expectExact(logBetaOver(a, b, p), value);
  },
);
