// A block of the log as a message of JetStream: the number of its records, the keys of their spans, the block. Little-endian.
import type { EncodedBlock } from "../block-builders.ts";
import { SPAN_KEY_BYTES } from "../record.ts";

const FORMAT = 1;
const HEAD_BYTES = 1 + 4;

/** In memory of its own. */
export const encodeMessage = ({ records, spanKeys, parts }: EncodedBlock): Buffer => {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt8(FORMAT, 0);
  head.writeUInt32LE(records, 1);
  return Buffer.concat([head, spanKeys, ...parts]);
};

/**
 * Shares memory with the message. One that no origin has written is returned as a block that cannot be read, so that the fold
 * sets it aside like a damaged row.
 */
export const decodeMessage = (data: Uint8Array): { spanKeys: Buffer; block: Buffer } => {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const unreadable = { spanKeys: Buffer.alloc(SPAN_KEY_BYTES), block: bytes };
  if (bytes.length < HEAD_BYTES || bytes.readUInt8(0) !== FORMAT) return unreadable;
  const keysEnd = HEAD_BYTES + bytes.readUInt32LE(1) * SPAN_KEY_BYTES;
  if (keysEnd > bytes.length) return unreadable;
  return { spanKeys: bytes.subarray(HEAD_BYTES, keysEnd), block: bytes.subarray(keysEnd) };
};
