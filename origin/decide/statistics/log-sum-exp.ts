// ln Σ exp(xᵢ) without overflow; −∞ entries (impossible components) are allowed.

export const logSumExp = (terms: ArrayLike<number>): number => {
  let most = -Infinity;
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i] ?? -Infinity;
    if (term > most) most = term;
  }
  if (most === -Infinity || most === Infinity) return most;
  let sum = 0;
  for (let i = 0; i < terms.length; i++) sum += Math.exp((terms[i] ?? -Infinity) - most);
  return most + Math.log(sum);
};

/** ln of the mean of exp(xᵢ): evidence of a mixture with equal weights. */
export const logMeanExp = (terms: ArrayLike<number>): number => logSumExp(terms) - Math.log(terms.length);
