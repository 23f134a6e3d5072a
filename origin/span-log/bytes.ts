// Bytes through a DataView, four at a time: one bounds check and one load in place of four.

/** A range of bytes that hold text; it starts at −1 when there is none. */
export type TextRange = { view: DataView; start: number; end: number };

/** Shares memory with the bytes. */
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A view of no bytes. */
export const EMPTY_VIEW = viewOf(new Uint8Array());

/** The bytes [start, end) of the view, in the same memory. */
export const bytesOf = (view: DataView, start: number, end: number): Buffer =>
  Buffer.from(view.buffer, view.byteOffset + start, end - start);

/** The last bytes [at, end), up to three, as a little-endian integer. */
export const remainingBytes = (view: DataView, at: number, end: number): number => {
  let value = 0;
  for (let i = end - 1; i >= at; i--) value = (value << 8) | view.getUint8(i);
  return value;
};

/** Copies the bytes [start, end) of `from` to the offset `to` of `out`; returns where the copy ends. */
export const copyBytes = (from: DataView, start: number, end: number, out: DataView, to: number): number => {
  let at = start;
  let copied = to;
  for (; at + 4 <= end; at += 4, copied += 4) out.setInt32(copied, from.getInt32(at, true), true);
  for (; at < end; at++, copied++) out.setUint8(copied, from.getUint8(at));
  return copied;
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

export const textIs = ({ view, start, end }: TextRange, expected: DataView): boolean =>
  isSame(view, start, end, expected);

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
    const four = view.getInt32(at, true);
    // A byte below 0x20 borrows, and 0x7f carries, into its own top bit.
    if (((four | (four - 0x20202020) | (four + 0x01010101)) & TOP_BITS) !== 0) return false;
  }
  for (; at < end; at++) {
    const byte = view.getUint8(at);
    if (byte < 0x20 || byte > 0x7e) return false;
  }
  return true;
};
