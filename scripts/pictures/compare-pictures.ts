// Whether two pictures show the same. A picture is looked at in squares: what moves by a few pixels changes much of a few
// squares, and the edges of letters on another machine change a little of many. Pure.
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";

/** Of the colours of a pixel. Edges that are drawn smoothly are left out by pixelmatch. */
const COLOUR_THRESHOLD = 0.2;
const SQUARE = 32;
const MOST_OF_SQUARE = 40;

export type Comparison = {
  readonly same: boolean;
  /** In a sentence. */
  readonly found: string;
  /** What differs, in red; null: the sizes differ, or nothing does. */
  readonly difference: Buffer | null;
};

/** Of the square in which most pixels differ. It is transparent where nothing does. */
const fullestSquare = ({ data, width, height }: PNG): { x: number; y: number; pixels: number } => {
  const columns = Math.ceil(width / SQUARE);
  const counts = new Uint32Array(columns * Math.ceil(height / SQUARE));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if ((data[(y * width + x) * 4 + 3] ?? 0) > 0) {
        const square = Math.floor(y / SQUARE) * columns + Math.floor(x / SQUARE);
        counts[square] = (counts[square] ?? 0) + 1;
      }
  let fullest = 0;
  for (const [square, pixels] of counts.entries()) if (pixels > (counts[fullest] ?? 0)) fullest = square;
  return {
    x: (fullest % columns) * SQUARE,
    y: Math.floor(fullest / columns) * SQUARE,
    pixels: counts[fullest] ?? 0,
  };
};

export const comparePictures = (kept: Uint8Array, taken: Uint8Array): Comparison => {
  const [one, other] = [PNG.sync.read(Buffer.from(kept)), PNG.sync.read(Buffer.from(taken))];
  const sizeOf = ({ width, height }: PNG): string => `${width} × ${height}`;
  if (sizeOf(one) !== sizeOf(other))
    return { same: false, found: `it is ${sizeOf(other)} and was ${sizeOf(one)}`, difference: null };
  const { width, height } = one;
  const mask = new PNG({ width, height });
  const differing = pixelmatch(one.data, other.data, mask.data, width, height, {
    threshold: COLOUR_THRESHOLD,
    diffMask: true,
  });
  const { x, y, pixels } = fullestSquare(mask);
  const same = pixels <= MOST_OF_SQUARE;
  return {
    same,
    found: `${differing} of its pixels differ, most of them around ${x}, ${y} (${pixels} of a square of ${SQUARE}, at most ${MOST_OF_SQUARE} may)`,
    difference: same ? null : PNG.sync.write(mask),
  };
};
