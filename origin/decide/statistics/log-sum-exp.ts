// ln Σ exp(xᵢ) without overflow; −∞ entries (impossible components) are allowed.

export const logSumExp = (terms: readonly number[]): number => {
  let most = -Infinity;
  for (const term of terms) if (term > most) most = term;
  if (most === -Infinity || most === Infinity) return most;
  let sum = 0;
  for (const term of terms) sum += Math.exp(term - most);
  return most + Math.log(sum);
};

/** ln of the mean of exp(xᵢ): evidence of a mixture with equal weights. */
export const logMeanExp = (terms: readonly number[]): number => logSumExp(terms) - Math.log(terms.length);
