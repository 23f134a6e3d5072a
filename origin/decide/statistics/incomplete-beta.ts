// The incomplete beta function in logarithms, never losing its smallest values to underflow.
import { logBetaOver } from "./log-gamma.ts";

/** Near the mean the fraction needs about √(a + b) steps; this is enough for a billion. */
const MAX_STEPS = 200_000;
const TINY = 1e-300;

/** Lentz's method for the continued fraction of B_x(a, b) · a / (x^a (1 − x)^b); converges where x is below the mean. */
const fraction = (a: number, b: number, x: number): number => {
  const safe = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / safe(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= MAX_STEPS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / safe(1 + even * d);
    c = safe(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / safe(1 + odd * d);
    c = safe(1 + odd / c);
    const factor = d * c;
    result *= factor;
    if (Math.abs(factor - 1) < 1e-15) break;
  }
  return result;
};

/**
 * ln [ ∫₀ˣ t^(a−1) (1−t)^(b−1) dt ] − a ln x − b ln(1 − x): the lower part of the beta integral over the likelihood at
 * x. Finite for all a, b > 0 and 0 < x < 1.
 */
export const logLowerBetaOver = (a: number, b: number, x: number): number => {
  if (x < (a + 1) / (a + b + 2)) return Math.log(fraction(a, b, x) / a);
  const whole = logBetaOver(a, b, x);
  const upper = Math.log(fraction(b, a, 1 - x) / b);
  // ln(1 − exp(upper − whole)); with a and b so uneven that the lower part is lost to rounding, as little as a double has.
  return whole + Math.log(-Math.expm1(Math.min(-Number.MIN_VALUE, upper - whole)));
};

/** P(X ≤ x) for X ~ Beta(a, b). */
export const betaCdf = (a: number, b: number, x: number): number => {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  return Math.exp(logLowerBetaOver(a, b, x) - logBetaOver(a, b, x));
};
