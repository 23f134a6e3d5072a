// COPY … FROM STDIN in PostgreSQL's binary format: several times cheaper for the server than INSERT.
// Format: https://www.postgresql.org/docs/17/sql-copy.html#SQL-COPY-BINARY-FORMAT
import type { Connection, Submittable } from "pg";
import type { Client } from "./pool.ts";

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const TRAILER = Buffer.from([0xff, 0xff]);
const CHUNK_BYTES = 65_536;
/** 2000-01-01, where PostgreSQL's timestamps begin, in ms since 1970 */
const POSTGRES_EPOCH_MS = 946_684_800_000;

/** Builds tuples column by column: `row(n)`, then n values. */
export class CopyBuffer {
  #bytes = Buffer.allocUnsafe(CHUNK_BYTES);
  #at = SIGNATURE.copy(this.#bytes);
  rows = 0;

  #room(needed: number): void {
    if (this.#at + needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + needed));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }

  row(columns: number): void {
    this.#room(2);
    this.#at = this.#bytes.writeInt16BE(columns, this.#at);
    this.rows++;
  }

  null(): void {
    this.#room(4);
    this.#at = this.#bytes.writeInt32BE(-1, this.#at);
  }

  /** bigint from its two halves */
  int8(low: number, high: number): void {
    this.#room(12);
    this.#at = this.#bytes.writeInt32BE(8, this.#at);
    this.#at = this.#bytes.writeUInt32BE(high, this.#at);
    this.#at = this.#bytes.writeUInt32BE(low, this.#at);
  }

  int4(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeInt32BE(4, this.#at);
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
  }

  int2(value: number): void {
    this.#room(6);
    this.#at = this.#bytes.writeInt32BE(2, this.#at);
    this.#at = this.#bytes.writeInt16BE(value, this.#at);
  }

  boolean(value: boolean): void {
    this.#room(5);
    this.#at = this.#bytes.writeInt32BE(1, this.#at);
    this.#at = this.#bytes.writeInt8(value ? 1 : 0, this.#at);
  }

  float8(value: number): void {
    this.#room(12);
    this.#at = this.#bytes.writeInt32BE(8, this.#at);
    this.#at = this.#bytes.writeDoubleBE(value, this.#at);
  }

  /** timestamptz from whole ms since 1970; null when it is infinite */
  timestamp(ms: number): void {
    if (!Number.isFinite(ms)) return this.null();
    const us = (ms - POSTGRES_EPOCH_MS) * 1_000;
    const high = Math.floor(us / 2 ** 32);
    this.int8(us - high * 2 ** 32, high >>> 0);
  }

  /** text in UTF-8, or bytea */
  bytes(from: Uint8Array, start: number, end: number): void {
    this.#room(4 + end - start);
    this.#at = this.#bytes.writeInt32BE(end - start, this.#at);
    this.#bytes.set(from.subarray(start, end), this.#at);
    this.#at += end - start;
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.bytes(bytes, 0, bytes.length);
  }

  finish(): Buffer {
    return Buffer.concat([this.#bytes.subarray(0, this.#at), TRAILER]);
  }
}

type CopyConnection = Connection & {
  readonly sendCopyFromChunk: (chunk: Buffer) => void;
  readonly endCopyFrom: () => void;
};

/** What pg calls on a query in work; `Submittable` names only the first. */
type CopyQuery = Submittable & {
  readonly callback: (error?: Error) => void;
  readonly handleCopyInResponse: (connection: CopyConnection) => void;
  readonly handleCommandComplete: () => void;
  readonly handleReadyForQuery: () => void;
  readonly handleError: (error: Error) => void;
};

/** `target`: a trusted `table (columns)`. Rejects as the server does; the client is usable afterwards. */
export const copyInto = (client: Client, target: string, data: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    let failure: Error | undefined;
    const settle = (error?: Error): void => {
      if (error === undefined) resolve();
      else reject(error);
    };
    const query: CopyQuery = {
      // Called by pg with an error when the connection breaks while the query waits.
      callback: settle,
      submit: (connection) => {
        connection.query(`copy ${target} from stdin (format binary)`);
      },
      handleCopyInResponse: (connection) => {
        for (let at = 0; at < data.length; at += CHUNK_BYTES)
          connection.sendCopyFromChunk(data.subarray(at, at + CHUNK_BYTES));
        connection.endCopyFrom();
      },
      handleCommandComplete: () => {},
      handleError: (error) => {
        failure = error;
        settle(error);
      },
      handleReadyForQuery: () => {
        settle(failure);
      },
    };
    client.query(query);
  });
