// How much of a period one network may make up, so that nobody buys a verdict from one address. Blind to what a request was.
//
// Beyond its share a network's units are sampled, by a draw that is the unit's own and at the rate that the network had in the
// period before, the same in both cohorts. The first ones to arrive would not do: slow requests arrive last. Where a network sends
// more than that rate expects, the share itself is the end.

import { countOf, increase, makeCells, type Cells } from "./network-cells.ts";

/** A network always counts this often in a period. */
const ALWAYS = 20;

/** What networks have sent in one period. 2 KB once a network is known. */
export type NetworkCounts = {
  /** counted, of all networks and of none */
  total: number;
  byCell: { readonly counted: Cells; readonly sent: Cells } | undefined;
};

export const emptyNetworkCounts = (): NetworkCounts => ({ total: 0, byCell: undefined });

const allowed = (total: number, share: number): number => Math.max(ALWAYS, share * total);

/** Of whom one more is. `network`: −1 is unknown, and never limited. `draw`: a number in [0, 1) that is the unit's own. */
export type Drawn = { readonly network: number; readonly draw: number };

/**
 * Whether one more is within the share of its network: sampled, by the period before (undefined: not known), and not beyond what the
 * share leaves. Notes that it was sent.
 */
export const isWithinShare = (
  counts: NetworkCounts,
  before: NetworkCounts | undefined,
  { network, draw }: Drawn,
  share: number,
): boolean => {
  if (network < 0) return true;
  counts.byCell ??= { counted: makeCells(), sent: makeCells() };
  const { counted, sent } = counts.byCell;
  increase(sent, network);
  if (before?.byCell !== undefined) {
    const rate = allowed(before.total, share) / countOf(before.byCell.sent, network);
    if (draw >= rate) return false;
  }
  return countOf(counted, network) < allowed(counts.total, share);
};

/** Notes that one more of the network is counted. */
export const noteCounted = (counts: NetworkCounts, network: number): void => {
  counts.total++;
  if (counts.byCell !== undefined && network >= 0) increase(counts.byCell.counted, network);
};
