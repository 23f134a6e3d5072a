// "Did you mean …?" for a word that is none of those that are known.

/** How many letters have to be put in, left out, replaced or swapped with their neighbour. */
const distance = (one: string, other: string): number => {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, at) => at)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= one.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      const isSwap = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      rows[i]?.push(
        Math.min(
          at(i - 1, j) + 1,
          at(i, j - 1) + 1,
          at(i - 1, j - 1) + (isSame ? 0 : 1),
          isSwap ? at(i - 2, j - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(one.length, other.length);
};

/** The known word that is meant, or undefined when none is near. A beginning of two letters or more is near too. */
export const nearest = (word: string, known: readonly string[]): string | undefined => {
  const begun = known.filter((one) => word.length > 1 && one.startsWith(word));
  if (begun.length === 1) return begun[0];
  const [best] = known
    .map((one) => ({ one, away: distance(word, one) }))
    .filter(({ one, away }) => away <= Math.max(1, Math.floor(one.length / 3)))
    .toSorted((a, b) => a.away - b.away);
  return best?.one;
};

/** "; did you mean X?", or nothing. */
export const didYouMean = (word: string, known: readonly string[], prefix = ""): string => {
  const meant = nearest(word, known);
  return meant === undefined ? "" : `; did you mean ${prefix}${meant}?`;
};
