// What a zstd body takes to be unpacked, read from its frame and block headers before any of it is unpacked. Pure.
// Format: RFC 8878, section 3.1.

/** More than RFC 8878 asks a receiver to take is refused: the window is memory beside the output. */
const MAX_WINDOW_BYTES = 8 * 2 ** 20;
const MAX_BLOCK_BYTES = 128 * 1_024;
const MAGIC = 0xfd2fb528;

/** A body has one, and some senders end it with an empty second one. Many small ones would cost more than their bytes. */
const MAX_FRAMES = 16;

export type ZstdFrame = {
  readonly bytes: Buffer;
  /** No more comes out. */
  readonly mostBytes: number;
  /** The decoder keeps so much of what came out. */
  readonly windowBytes: number;
};

const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;

const readContentSize = (body: Buffer, at: number, bytes: number): number | null => {
  if (bytes === 0) return null;
  if (bytes === 8) return Number(body.readBigUInt64LE(at));
  return body.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
};

const readWindow = (descriptor: number): number => {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
};

const readFrame = (body: Buffer): ZstdFrame | null => {
  if (body.readUInt32LE(0) !== MAGIC) return null;
  const descriptor = body.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
  const dictionaryBytes = DICTIONARY_ID_BYTES[descriptor & 3] ?? 0;
  const sizeAt = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  const contentSize = readContentSize(body, sizeAt, sizeBytes);
  const windowBytes = isSingleSegment ? (contentSize ?? 0) : readWindow(body.readUInt8(5));
  if (windowBytes > MAX_WINDOW_BYTES) return null;

  let at = sizeAt + sizeBytes;
  let mostBytes = 0;
  for (let isLast = false; !isLast;) {
    const header = body.readUIntLE(at, 3);
    isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    const isRepeated = type === 1;
    if (type === 3) return null;
    mostBytes += type === 2 ? Math.min(MAX_BLOCK_BYTES, Math.max(windowBytes, 1)) : size;
    at += 3 + (isRepeated ? 1 : size);
  }
  if ((descriptor & 4) !== 0) at += 4;
  if (at > body.length) return null;
  return {
    bytes: body.subarray(0, at),
    mostBytes: Math.min(mostBytes, contentSize ?? mostBytes),
    windowBytes,
  };
};

/**
 * The frames of the body, each to be unpacked by itself: Node unpacks the first and leaves the others out. null: the body is
 * not whole frames, or one needs too large a window.
 */
export const readZstdFrames = (body: Buffer): readonly ZstdFrame[] | null => {
  const frames: ZstdFrame[] = [];
  try {
    for (let at = 0; at < body.length || frames.length === 0;) {
      const frame = readFrame(body.subarray(at));
      if (frame === null || frames.length === MAX_FRAMES) return null;
      frames.push(frame);
      at += frame.bytes.length;
    }
    return frames;
  } catch (error) {
    // It ends before its last block.
    if (error instanceof RangeError) return null;
    throw error;
  }
};
