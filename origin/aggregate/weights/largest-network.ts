// Which network has most of an hour's new units, so that the hours can be told in which one network came all at once.
import { countOf, increase, makeCells, type Cells } from "./network-cells.ts";

/** Hours that are known at once: around an hour's end units of both come in. */
const MAX_HOURS = 2;

/** By their begin (unix seconds), in the order in which they came. */
export type NetworkHours = Map<number, { readonly byCell: Cells; most: number }>;

/** Counts a unit of the network; whether no network has as many in this hour. −1 is unknown, and never counted. */
export const growsLargest = (hours: NetworkHours, hourS: number, network: number): boolean => {
  if (network < 0) return false;
  let hour = hours.get(hourS);
  if (hour === undefined) {
    hours.set(hourS, (hour = { byCell: makeCells(), most: 0 }));
    if (hours.size > MAX_HOURS) for (const oldest of hours.keys()) if (hours.delete(oldest)) break;
  }
  increase(hour.byCell, network);
  const count = countOf(hour.byCell, network);
  if (count <= hour.most) return false;
  hour.most = count;
  return true;
};
