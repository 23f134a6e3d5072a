// ln Γ and ln B by Stirling's series. Differences of nearly equal logarithms are arranged so that nothing is lost at a
// billion units: the large parts cancel in `deviance` (Loader, "Fast and accurate computation of binomial
// probabilities"), not in floating point.

const SHIFT_BELOW = 16;

/** ln Γ(x) − [(x − ½) ln x − x + ½ ln 2π]: what Stirling's formula misses. x > 0. */
export const stirlingRest = (x: number): number => {
  if (x < SHIFT_BELOW) {
    // rest(x) = rest(x + 1) + (x + ½) ln(1 + 1/x) − 1
    return stirlingRest(x + 1) + (x + 0.5) * Math.log1p(1 / x) - 1;
  }
  const y = 1 / (x * x);
  return (
    (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y * (1 / 1188 - (y * 691) / 360_360))))) / x
  );
};

const HALF_LN_2PI = 0.918_938_533_204_672_8;

export const logGamma = (x: number): number => (x - 0.5) * Math.log(x) - x + HALF_LN_2PI + stirlingRest(x);

/** x ln(x/m) + m − x, accurately also where x is close to m. x ≥ 0, m > 0. */
export const deviance = (x: number, m: number): number => {
  if (x === 0) return m;
  const d = x - m;
  if (Math.abs(d) >= 0.1 * (x + m)) return x * Math.log(x / m) - d;
  // series in v = (x − m)/(x + m): d·v + 2x·(v³/3 + v⁵/5 + …)
  const v = d / (x + m);
  let sum = d * v;
  let term = 2 * x * v;
  for (let odd = 3; odd < 60; odd += 2) {
    term *= v * v;
    const next = sum + term / odd;
    if (next === sum) break;
    sum = next;
  }
  return sum;
};

/**
 * ln B(a, b) − a ln p − b ln(1 − p): how much of a Beta(a, b) prior's mass a binomial likelihood at `p` sees.
 * a, b > 0, 0 < p < 1.
 */
export const logBetaOver = (a: number, b: number, p: number): number => {
  const n = a + b;
  return (
    deviance(a, n * p) +
    deviance(b, n * (1 - p)) +
    0.5 * Math.log(n / a / b) +
    HALF_LN_2PI +
    stirlingRest(a) +
    stirlingRest(b) -
    stirlingRest(n)
  );
};
