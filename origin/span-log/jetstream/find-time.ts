// Finds a place in a stream by time: its messages bear rising times.

/**
 * The lowest sequence number in [first, last + 1] whose message is younger than `atMs`. `timeOf`: ms of a message; null: it is
 * gone, and then it is older than those behind it.
 */
export const firstYoungerThan = async (
  { first, last }: { readonly first: number; readonly last: number },
  atMs: number,
  timeOf: (seq: number) => Promise<number | null>,
): Promise<number> => {
  let low = first;
  let high = last + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const time = await timeOf(middle);
    if (time !== null && time > atMs) high = middle;
    else low = middle + 1;
  }
  return low;
};
