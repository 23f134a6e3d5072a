// Takes a backup apart as it comes: its header, statements, rows, its footer. Rows are handed on in the pieces in which they
// come, so that a backup of any size needs little memory.
import { createHash } from "node:crypto";
import {
  BackupError,
  cutOff,
  parseFooter,
  parseHeader,
  type BackupFooter,
  type BackupHeader,
} from "./backup-format.ts";

export type BackupPart =
  | { readonly kind: "header"; readonly header: BackupHeader }
  | { readonly kind: "statement"; readonly text: string }
  /** The rows that follow belong to it, until `endOfRows`. */
  | { readonly kind: "copy"; readonly text: string }
  | { readonly kind: "rows"; readonly data: Buffer }
  | { readonly kind: "endOfRows" }
  /** `sha256`: of everything before the footer, as it was read. */
  | { readonly kind: "footer"; readonly footer: BackupFooter; readonly sha256: string };

const NEWLINE = 0x0a;
const END_OF_ROWS = Buffer.from("\\.\n");
const END_OF_ROWS_LATER = Buffer.from("\n\\.\n");
/** Longer than any statement that a backup has. */
const MOST_LINE_BYTES = 1_000_000;

/** Throws a BackupError for what is no backup, or only the beginning of one. */
export async function* readBackup(source: AsyncIterable<Buffer>): AsyncGenerator<BackupPart> {
  const hash = createHash("sha256");
  let rest: Buffer = Buffer.alloc(0);
  let copying = false;
  // Whether the next byte begins a row.
  let atRow = true;
  let hasHeader = false;
  let hasFooter = false;

  for await (const chunk of source) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (copying) {
        const endsAtOnce = atRow && rest.subarray(0, END_OF_ROWS.length).equals(END_OF_ROWS);
        const end = endsAtOnce ? 0 : rest.indexOf(END_OF_ROWS_LATER) + 1;
        if (endsAtOnce || end > 0) {
          const data = rest.subarray(0, end);
          if (data.length > 0) yield { kind: "rows", data };
          hash.update(rest.subarray(0, end + END_OF_ROWS.length));
          rest = rest.subarray(end + END_OF_ROWS.length);
          copying = false;
          yield { kind: "endOfRows" };
          continue;
        }
        // The end may be cut in two: what could be its beginning waits for the next piece.
        const sure = rest.length - END_OF_ROWS_LATER.length;
        if (sure > 0) {
          const data = rest.subarray(0, sure);
          hash.update(data);
          atRow = data.at(-1) === NEWLINE;
          rest = rest.subarray(sure);
          yield { kind: "rows", data };
        }
        break;
      }
      const newline = rest.indexOf(NEWLINE);
      if (newline === -1) {
        if (rest.length > MOST_LINE_BYTES) throw new BackupError("this is no backup of Sluice");
        break;
      }
      const line = rest.subarray(0, newline).toString();
      if (!hasHeader) {
        const header = parseHeader(line);
        if (header === undefined) throw new BackupError("this is no backup of Sluice");
        hasHeader = true;
        yield { kind: "header", header };
      } else {
        const footer = parseFooter(line);
        if (footer !== undefined) {
          hasFooter = true;
          yield { kind: "footer", footer, sha256: hash.copy().digest("hex") };
        } else if (hasFooter) {
          throw new BackupError("the backup goes on behind its end");
        } else if (line.startsWith("copy ")) {
          copying = true;
          atRow = true;
          yield { kind: "copy", text: line.slice(0, -1) };
        } else {
          yield { kind: "statement", text: line };
        }
      }
      hash.update(rest.subarray(0, newline + 1));
      rest = rest.subarray(newline + 1);
    }
  }
  if (!hasHeader) throw new BackupError("this is no backup of Sluice");
  if (!hasFooter) throw cutOff();
}
