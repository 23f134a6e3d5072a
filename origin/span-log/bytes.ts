// Bytes through a DataView, four at a time: one check of bounds and one load in place of four.

/** Shares memory with the bytes. */
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The bytes [start, end) of the view, in the same memory. */
export const bytesOf = (view: DataView, start: number, end: number): Buffer =>
  Buffer.from(view.buffer, view.byteOffset + start, end - start);

/** What is left of [at, end), up to three bytes, as a little-endian word. */
export const remainingBytes = (view: DataView, at: number, end: number): number => {
  let word = 0;
  for (let i = end - 1; i >= at; i--) word = (word << 8) | view.getUint8(i);
  return word;
};

/** Copies the bytes [start, end) of `from` to `place`; returns where the copy ends. */
export const copyBytes = (
  from: DataView,
  start: number,
  end: number,
  to: DataView,
  place: number,
): number => {
  let at = start;
  let out = place;
  for (; at + 4 <= end; at += 4, out += 4) to.setInt32(out, from.getInt32(at, true), true);
  for (; at < end; at++, out++) to.setUint8(out, from.getUint8(at));
  return out;
};

/** Whether the bytes [aStart, aEnd) of `a` are those of `b`. */
export const isSame = (a: DataView, aStart: number, aEnd: number, b: DataView): boolean => {
  const length = aEnd - aStart;
  if (length !== b.byteLength) return false;
  let at = 0;
  for (; at + 4 <= length; at += 4) if (a.getInt32(aStart + at, true) !== b.getInt32(at, true)) return false;
  for (; at < length; at++) if (a.getUint8(aStart + at) !== b.getUint8(at)) return false;
  return true;
};

const TOP_BITS = 0x80808080 | 0;

/** Whether all bytes of [start, end) are ASCII. */
export const isAscii = (view: DataView, start: number, end: number): boolean => {
  let at = start;
  for (; at + 4 <= end; at += 4) if ((view.getInt32(at, true) & TOP_BITS) !== 0) return false;
  return (remainingBytes(view, at, end) & TOP_BITS) === 0;
};

/** Whether all bytes of [start, end) are ASCII and none is a control character. */
export const isPrintable = (view: DataView, start: number, end: number): boolean => {
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true);
    // A byte below 0x20 borrows, and 0x7f carries, into the top bit of its place.
    if (((word | (word - 0x20202020) | (word + 0x01010101)) & TOP_BITS) !== 0) return false;
  }
  for (; at < end; at++) {
    const byte = view.getUint8(at);
    if (byte < 0x20 || byte > 0x7e) return false;
  }
  return true;
};
