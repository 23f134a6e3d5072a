// Reads request bodies: bounded, unzipped, with little work for the garbage collector.
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { constants, gunzip, zstdDecompress } from "node:zlib";
import { err, ok, type Result } from "../../shared/result.ts";
import { readZstdFrames, type ZstdFrame } from "./zstd-frame.ts";

/** Of the body as sent, and again of the unzipped one. */
export const MAX_BODY_BYTES = 8 * 2 ** 20;

export type BodyError = {
  readonly reason: "bodyTooLarge" | "unzippedTooLarge" | "notGzip" | "notZstd" | "aborted" | "overloaded";
};

/** How a body is packed; null: it is not. */
export type Compression = "gzip" | "zstd" | null;

const unzip = promisify(gunzip);
const unpackZstd = promisify(zstdDecompress);

const receive = async (request: IncomingMessage): Promise<Result<Buffer[], BodyError>> => {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) return err({ reason: "bodyTooLarge" });
      chunks.push(chunk);
    }
  } catch {
    // The client has gone away.
    return err({ reason: "aborted" });
  }
  return ok(chunks);
};

/** Reads a body that nobody wants to its end; false when it never ends or is too large to be waited for. */
export const drainBody = async (request: IncomingMessage): Promise<boolean> => {
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) return false;
    }
    return true;
  } catch {
    return false;
  }
};

/** Room for the end of the output: without it zlib asks for a second piece of memory to find that nothing follows. */
const SPARE_BYTES = 1_024;

const tryUnzip = async (zipped: Buffer, maxBytes: number): Promise<Result<Buffer, BodyError>> => {
  try {
    const unzipped = await unzip(zipped, { maxOutputLength: maxBytes, chunkSize: maxBytes + SPARE_BYTES });
    return ok(unzipped);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return err({ reason: code === "ERR_BUFFER_TOO_LARGE" ? "unzippedTooLarge" : "notGzip" });
  }
};

const GZIP_TRAILER_BYTES = 8;
/** Deflate makes at most 1,032 bytes of one. */
const MAX_RATIO = 1_033;

/**
 * Unzips within memory that was reserved for it. A gzip body ends with its unpacked size, or that of its last part. Where that
 * is less than what comes out, as much is reserved as can come out and the body unzipped again.
 */
const unzipBody = async (
  zipped: Buffer,
  reserve: (bytes: number) => boolean,
): Promise<Result<Buffer[], BodyError>> => {
  if (zipped.length < GZIP_TRAILER_BYTES) return err({ reason: "notGzip" });
  const named = zipped.readUInt32LE(zipped.length - 4);
  const most = Math.min(MAX_BODY_BYTES, zipped.length * MAX_RATIO);
  for (const size of named < most ? [Math.max(named, 1), most] : [most]) {
    if (!reserve(zipped.length + size)) return err({ reason: "overloaded" });
    const unzipped = await tryUnzip(zipped, size);
    if (unzipped.ok) return ok([unzipped.value]);
    if (unzipped.error.reason !== "unzippedTooLarge" || size === most) return unzipped;
  }
  return err({ reason: "unzippedTooLarge" });
};

/** zstd takes the logarithm; a window between two powers counts as the larger. */
const LEAST_WINDOW_LOG = 10;

const unpackFrame = async (
  { bytes, windowBytes }: ZstdFrame,
  maxBytes: number,
): Promise<Result<Buffer, BodyError>> => {
  const windowLog = Math.max(LEAST_WINDOW_LOG, Math.ceil(Math.log2(Math.max(1, windowBytes))));
  try {
    const unpacked = await unpackZstd(bytes, {
      maxOutputLength: maxBytes,
      chunkSize: maxBytes + SPARE_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: windowLog },
    });
    return ok(unpacked);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return err({ reason: code === "ERR_BUFFER_TOO_LARGE" ? "unzippedTooLarge" : "notZstd" });
  }
};

/**
 * Unpacks within memory that was reserved for it: the output, and the window beside it. The headers say how much that is at
 * most, so nothing is unpacked twice.
 */
const unpackZstdBody = async (
  packed: Buffer,
  reserve: (bytes: number) => boolean,
): Promise<Result<Buffer[], BodyError>> => {
  const frames = readZstdFrames(packed);
  if (frames === null) return err({ reason: "notZstd" });
  const most = Math.min(
    MAX_BODY_BYTES,
    frames.reduce((sum, { mostBytes }) => sum + mostBytes, 0),
  );
  const windowBytes = Math.max(...frames.map((frame) => frame.windowBytes));
  if (!reserve(packed.length + most + windowBytes)) return err({ reason: "overloaded" });
  const unpacked: Buffer[] = [];
  let left = most;
  for (const frame of frames) {
    const piece = await unpackFrame(frame, Math.max(1, Math.min(left, frame.mostBytes)));
    if (!piece.ok) return piece;
    left -= piece.value.length;
    if (piece.value.length > 0) unpacked.push(piece.value);
  }
  return ok(unpacked);
};

/**
 * The body in the pieces in which it came, unzipped. `reserve` says whether there is memory for so many bytes in all; it is
 * called with what the body takes, packed and unpacked, before it takes it.
 */
export const readBody = async (
  request: IncomingMessage,
  compression: Compression,
  reserve: (bytes: number) => boolean,
): Promise<Result<Buffer[], BodyError>> => {
  const received = await receive(request);
  if (!received.ok) return received;
  const size = received.value.reduce((sum, { length }) => sum + length, 0);
  if (compression === null) return reserve(size) ? received : err({ reason: "overloaded" });
  const packed = Buffer.concat(received.value);
  const unpack = compression === "gzip" ? unzipBody : unpackZstdBody;
  const body = await unpack(packed, reserve);
  if (body.ok) reserve(body.value.reduce((sum, { length }) => sum + length, 0));
  return body;
};

/**
 * Puts the pieces of a body together, each body in the place of the one before: the result is to be used before anything
 * else happens. New memory for each, a hundred KB some hundred times a second, would be most of the collector's work.
 */
export const makeJoin = () => {
  let place = Buffer.alloc(0);
  return (chunks: readonly Buffer[]): Buffer => {
    if (chunks.length === 1 && chunks[0] !== undefined) return chunks[0];
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (place.length < size) place = Buffer.allocUnsafeSlow(Math.min(MAX_BODY_BYTES, size * 2));
    let at = 0;
    for (const chunk of chunks) at += chunk.copy(place, at);
    return place.subarray(0, size);
  };
};

/** Smaller pieces may share their memory with others: Node's pool has 8 KB, what it reads from a socket 64. */
const OWN_MEMORY_BYTES = 131_072;

/**
 * Gives the memory of a body back now, not when the collector comes. The collector counts it as its own and would
 * otherwise go through the whole heap several times a second because of it.
 */
export const releaseMemory = (chunks: readonly Buffer[]): void => {
  for (const { buffer, byteLength } of chunks)
    if (buffer instanceof ArrayBuffer && (buffer.byteLength === byteLength || byteLength > OWN_MEMORY_BYTES))
      buffer.transfer(0);
};
