// Seeded randomness for the simulated visitors: the same seed gives the same visits, whatever the network does.

/** mulberry32: numbers in [0, 1), good enough for a simulation and four operations a draw. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** A stream of its own for each visitor, so that the order in which visitors run changes nothing. */
export const visitorRandom = (seed: number, visitor: number): (() => number) =>
  seededRandom((Math.imul(seed, 0x9e3779b1) ^ Math.imul(visitor + 1, 0x85ebca6b)) >>> 0);
