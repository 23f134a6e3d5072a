// How often each of many networks was seen, in little memory.

/** Two hashes of a network: two networks are taken for one with a chance of 1 in 16,384. */
const CELLS = 128;
const firstCell = (network: number): number => network % CELLS;
const secondCell = (network: number): number => CELLS + (Math.floor(network / CELLS) % CELLS);

/** 1 KB. */
export type Cells = Uint32Array;

export const makeCells = (): Cells => new Uint32Array(2 * CELLS);

/** At least what the network has in these cells: others may share one of them. */
export const countOf = (cells: Cells, network: number): number =>
  Math.min(cells[firstCell(network)] ?? 0, cells[secondCell(network)] ?? 0);

export const increase = (cells: Cells, network: number): void => {
  for (const cell of [firstCell(network), secondCell(network)]) cells[cell] = (cells[cell] ?? 0) + 1;
};
