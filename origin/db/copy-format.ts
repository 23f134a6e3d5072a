// Rows in PostgreSQL's binary COPY format: several times cheaper for the server than INSERT, and bytea without hexadecimal
// text. Format: https://www.postgresql.org/docs/17/sql-copy.html#SQL-COPY-BINARY-FORMAT

export const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const TRAILER = Buffer.from([0xff, 0xff]);
const INITIAL_BYTES = 65_536;
/** 2000-01-01, where PostgreSQL's timestamps begin, in ms since 1970 */
const POSTGRES_EPOCH_MS = 946_684_800_000;

/** Builds tuples column by column: `row(n)`, then n values. */
export class CopyBuffer {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #at = SIGNATURE.copy(this.#bytes);
  rows = 0;

  #makeRoom(needed: number): void {
    if (this.#at + needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + needed));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }

  /** As Buffer's writers, without their checks: some hundred thousand a second. */
  #put16(value: number): void {
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value;
  }

  #put32(value: number): void {
    this.#bytes[this.#at++] = value >>> 24;
    this.#bytes[this.#at++] = value >>> 16;
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value;
  }

  row(columns: number): void {
    this.#makeRoom(2);
    this.#put16(columns);
    this.rows++;
  }

  null(): void {
    this.#makeRoom(4);
    this.#put32(-1);
  }

  /** bigint from its two halves */
  int8(low: number, high: number): void {
    this.#makeRoom(12);
    this.#put32(8);
    this.#put32(high);
    this.#put32(low);
  }

  int4(value: number): void {
    this.#makeRoom(8);
    this.#put32(4);
    this.#put32(value);
  }

  int2(value: number): void {
    this.#makeRoom(6);
    this.#put32(2);
    this.#put16(value);
  }

  boolean(value: boolean): void {
    this.#makeRoom(5);
    this.#put32(1);
    this.#bytes[this.#at++] = value ? 1 : 0;
  }

  float8(value: number): void {
    this.#makeRoom(12);
    this.#put32(8);
    this.#at = this.#bytes.writeDoubleBE(value, this.#at);
  }

  /** timestamptz from whole ms since 1970; null when it is infinite */
  timestamp(ms: number): void {
    if (!Number.isFinite(ms)) return this.null();
    const us = (ms - POSTGRES_EPOCH_MS) * 1_000;
    const high = Math.floor(us / 2 ** 32);
    this.int8(us - high * 2 ** 32, high);
  }

  /** text in UTF-8, or bytea */
  bytes(from: Uint8Array, start: number, end: number): void {
    this.#makeRoom(4 + end - start);
    this.#put32(end - start);
    // Ids are short: a call of `set` would cost more than its copying.
    if (end - start > 64) {
      this.#bytes.set(from.subarray(start, end), this.#at);
      this.#at += end - start;
    } else for (let at = start; at < end; at++) this.#bytes[this.#at++] = from[at] ?? 0;
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.bytes(bytes, 0, bytes.length);
  }

  /** bytea from these parts, one after the other */
  joined(parts: readonly Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    this.#makeRoom(4 + length);
    this.#put32(length);
    for (const part of parts) {
      this.#bytes.set(part, this.#at);
      this.#at += part.length;
    }
  }

  /** The whole message. It is overwritten after `clear`; by then `copyInto` has handed pg a copy. */
  finish(): Buffer {
    this.#makeRoom(TRAILER.length);
    this.#at += TRAILER.copy(this.#bytes, this.#at);
    return this.#bytes.subarray(0, this.#at);
  }

  /** Begins again in the same memory: large buffers that are thrown away make the collector run several times a second. */
  clear(): void {
    this.#at = SIGNATURE.length;
    this.rows = 0;
  }
}

/** Reads the columns of one tuple, in their order. */
export class CopyRow {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Begins with another tuple. */
  open(bytes: Buffer, at: number): void {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Whether the next column is null; it is then passed over. */
  isNull(): boolean {
    if (this.#bytes.readInt32BE(this.#at) !== -1) return false;
    this.#at += 4;
    return true;
  }

  int2(): number {
    this.#at += 6;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int4(): number {
    this.#at += 8;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  /** bigint below 2^53 */
  int8(): number {
    this.#at += 12;
    return this.#bytes.readInt32BE(this.#at - 8) * 2 ** 32 + this.#bytes.readUInt32BE(this.#at - 4);
  }

  /** timestamptz in ms since 1970 */
  timestamp(): number {
    return this.int8() / 1_000 + POSTGRES_EPOCH_MS;
  }

  /** bytea; a copy, since pg writes over what came from the server */
  bytes(): Buffer {
    const length = this.#bytes.readInt32BE(this.#at);
    const start = this.#at + 4;
    this.#at = start + length;
    return Buffer.from(this.#bytes.subarray(start, this.#at));
  }
}
