// How much of a bucket one network may make up, so that nobody buys a verdict from one address. Blind: it sees neither the cohort
// nor what a request was.
//
// Beyond its share a network's units are sampled, by a draw that is the unit's own and at the rate that the network had in the
// bucket before. The first ones to arrive would not do: slow requests arrive last. Where a network sends more than that
// rate expects, the share itself is the end.

/** A network may make up this share of a bucket, … */
const MAX_SHARE = 0.05;
/** … and always as many as this. */
const ALWAYS = 20;

/** Two hashes of a network: two networks are taken for one with a chance of 1 in 16,384. */
const CELLS = 128;
const firstCell = (network: number): number => network % CELLS;
const secondCell = (network: number): number => CELLS + (Math.floor(network / CELLS) % CELLS);

/** What networks have sent in one bucket. 2 KB once a network is known. */
export type NetworkCounts = {
  /** counted, of all networks and of none */
  total: number;
  byCell: { readonly counted: Uint32Array; readonly sent: Uint32Array } | undefined;
};

export const emptyNetworkCounts = (): NetworkCounts => ({ total: 0, byCell: undefined });

/** At least what the network has in these cells: others may share one of them. */
const countOf = (cells: Uint32Array, network: number): number =>
  Math.min(cells[firstCell(network)] ?? 0, cells[secondCell(network)] ?? 0);

const increase = (cells: Uint32Array, network: number): void => {
  for (const cell of [firstCell(network), secondCell(network)]) cells[cell] = (cells[cell] ?? 0) + 1;
};

const allowed = (total: number): number => Math.max(ALWAYS, MAX_SHARE * total);

/** The rate at which the network's units are sampled, by the bucket before. */
const samplingRate = (before: NetworkCounts | undefined, network: number): number => {
  if (before?.byCell === undefined) return 1;
  return allowed(before.total) / countOf(before.byCell.sent, network);
};

/**
 * Whether one more of the network is counted; notes it. `network`: −1 is unknown, and never limited. `draw`: a number in
 * [0, 1) that is the unit's own. `before`: the bucket before.
 */
export const admitOfNetwork = (
  counts: NetworkCounts,
  before: NetworkCounts | undefined,
  network: number,
  draw: number,
): boolean => {
  if (network < 0) {
    counts.total++;
    return true;
  }
  counts.byCell ??= { counted: new Uint32Array(2 * CELLS), sent: new Uint32Array(2 * CELLS) };
  const { counted, sent } = counts.byCell;
  increase(sent, network);
  if (draw >= samplingRate(before, network)) return false;
  if (countOf(counted, network) >= allowed(counts.total)) return false;
  increase(counted, network);
  counts.total++;
  return true;
};
