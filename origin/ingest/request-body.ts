// Reads request bodies: bounded, unzipped, with little work for the garbage collector.
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { err, ok, type Result } from "../../shared/result.ts";

/** Of the body as sent, and again of the unzipped one. */
export const MAX_BODY_BYTES = 8 * 2 ** 20;

export type BodyError = { readonly reason: "bodyTooLarge" | "unzippedTooLarge" | "notGzip" | "aborted" };

const unzip = promisify(gunzip);

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

const unzipBody = async (zipped: Buffer): Promise<Result<Buffer[], BodyError>> => {
  try {
    return ok([await unzip(zipped, { maxOutputLength: MAX_BODY_BYTES })]);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return err({ reason: code === "ERR_BUFFER_TOO_LARGE" ? "unzippedTooLarge" : "notGzip" });
  }
};

/** The body in the pieces in which it came, unzipped. */
export const readBody = async (
  request: IncomingMessage,
  isGzip: boolean,
): Promise<Result<Buffer[], BodyError>> => {
  const received = await receive(request);
  return received.ok && isGzip ? unzipBody(Buffer.concat(received.value)) : received;
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

/**
 * Gives the memory of a body back now, not when the collector comes. The collector counts it as its own and would
 * otherwise go through the whole heap several times a second because of it.
 */
export const releaseMemory = (chunks: readonly Buffer[]): void => {
  for (const { buffer, byteLength } of chunks)
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
};
