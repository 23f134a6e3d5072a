// COPY … FROM STDIN and COPY … TO STDOUT: pg does not offer them itself.
import type { Connection, Submittable } from "pg";
import { CopyRow, SIGNATURE } from "./copy-format.ts";
import type { Client } from "./pool.ts";

const CHUNK_BYTES = 65_536;

type CopyConnection = Connection & {
  readonly sendCopyFromChunk: (chunk: Buffer) => void;
  readonly endCopyFrom: () => void;
};

/** The methods that pg calls on a query in work; `Submittable` names only the first. */
type CopyQuery = Submittable & {
  callback: (error?: Error) => void;
  readonly handleCopyInResponse: () => void;
  readonly handleCopyData: (message: { readonly chunk: Buffer }) => void;
  readonly handleCommandComplete: () => void;
  readonly handleReadyForQuery: () => void;
  readonly handleError: (error: Error) => void;
};

const takesCopies = (connection: Connection): connection is CopyConnection =>
  "sendCopyFromChunk" in connection;

const sendCopy = (connection: Connection, data: Buffer): void => {
  if (!takesCopies(connection)) throw new Error("this version of pg cannot send COPY");
  for (let at = 0; at < data.length; at += CHUNK_BYTES)
    connection.sendCopyFromChunk(data.subarray(at, at + CHUNK_BYTES));
  connection.endCopyFrom();
};

/** `data` is sent right behind the command. A server that refuses the command passes it over. */
const runCopy = (
  client: Client,
  text: string,
  copy: { data?: Buffer; handleCopyData: CopyQuery["handleCopyData"] },
): Promise<void> =>
  new Promise((resolve, reject) => {
    let failure: Error | undefined;
    const query: CopyQuery = {
      // Called by pg too, when the connection breaks or the query takes too long. It may put a function of its own here.
      callback: (error) => {
        if (error === undefined) resolve();
        else reject(error);
      },
      submit: (connection) => {
        connection.query(text);
        if (copy.data !== undefined) sendCopy(connection, copy.data);
      },
      handleCopyInResponse: () => {},
      handleCopyData: copy.handleCopyData,
      handleCommandComplete: () => {},
      handleError: (error) => {
        failure = error;
        query.callback(error);
      },
      handleReadyForQuery: () => query.callback(failure),
    };
    client.query(query);
  });

/** The rows of a trusted `query` without parameters, as `copyInto` takes them: all of them in memory. */
export const copyOut = async (client: Client, query: string): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  await runCopy(client, `copy (${query}) to stdout (format binary)`, {
    handleCopyData: ({ chunk }) => {
      // The driver uses the memory of a message again.
      chunks.push(Buffer.from(chunk));
    },
  });
  return Buffer.concat(chunks);
};

/** `target`: a trusted `table (columns)`. Rejects as the server does; the client is usable afterwards. */
export const copyInto = (client: Client, target: string, data: Buffer): Promise<void> =>
  runCopy(client, `copy ${target} from stdin (format binary)`, { data, handleCopyData: () => {} });

/**
 * Calls `visit` with each row of a trusted `query` without parameters. Binary, as pg's own results cannot be: bytea would
 * come as hexadecimal text. Rejects as the server does, and with an error that `visit` throws once all rows have come.
 */
export const copyFrom = async (
  client: Client,
  query: string,
  visit: (row: CopyRow) => void,
): Promise<void> => {
  const row = new CopyRow();
  let first = true;
  let thrown: unknown;
  await runCopy(client, `copy (${query}) to stdout (format binary)`, {
    // The server sends one message a row, the first behind the signature, and the trailer in one of its own.
    handleCopyData: ({ chunk }) => {
      const at = first ? SIGNATURE.length : 0;
      first = false;
      if (thrown !== undefined || chunk.length - at < 2 || chunk.readInt16BE(at) === -1) return;
      try {
        row.open(chunk, at + 2);
        visit(row);
      } catch (error) {
        thrown = error;
      }
    },
  });
  if (thrown !== undefined) throw thrown;
};
