// What commands write: data on standard output, as a table for a person or as JSON for a program; all else on standard error.
import { styleText } from "node:util";

export const jsonArgument = {
  type: "boolean",
  default: false,
  description: "write JSON",
} as const;

export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
};

export const printLine = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Prose that belongs to no data. */
export const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/**
 * Text of others for a terminal: without control characters, with which it could move the cursor, set the title or hide what
 * stands before it, and without marks that turn the direction of reading.
 */
export const plain = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- control characters are what this takes out
  text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, " ");

/** null: not a terminal, whose lines have no end. */
export const columns = (): number | null => (process.stdout.isTTY ? process.stdout.columns : null);

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

const LEAST_LAST = 8;

type TableStyle = {
  readonly head?: (line: string) => string;
  readonly cell?: (cell: string, column: number) => string;
};

/**
 * Columns of texts, each as wide as its widest cell. The last one is not padded, and on a terminal is cut where the line ends.
 */
export const tableText = (
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { head: styledHead = (line) => line, cell: styledCell = (cell) => cell }: TableStyle = {},
): string => {
  const all = [head, ...rows].map((row) => row.map(plain));
  const widths = head.map((_, at) => Math.max(...all.map((row) => (row[at] ?? "").length)));
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const terminal = columns();
  const last = terminal === null ? Infinity : Math.max(LEAST_LAST, terminal - before);
  return all
    .map((row, line) => {
      const cells = row.map((cell, at) =>
        at === row.length - 1 ? cut(cell, last) : cell.padEnd(widths[at] ?? 0),
      );
      return line === 0 ? styledHead(cells.join("  ").trimEnd()) : cells.map(styledCell).join("  ").trimEnd();
    })
    .join("\n");
};

/** How wide the table is with all of its cells. */
export const tableWidth = (head: readonly string[], rows: readonly (readonly string[])[]): number =>
  head
    .map((_, at) => Math.max(...[head, ...rows].map((row) => (row[at] ?? "").length)))
    .reduce((sum, width) => sum + width + 2, -2);

/** Only on a terminal, and not where NO_COLOR is set. */
export const strong = (text: string): string => styleText("bold", text, { stream: process.stdout });

/** The same for a colour. */
export const coloured = (colour: "green" | "yellow" | "red", text: string): string =>
  styleText(colour, text, { stream: process.stdout });

const MOST_COLUMNS = 100;

/** For prose: the terminal's width, and not more than is easily read. */
export const lineWidth = (): number => Math.min(process.stdout.columns ?? MOST_COLUMNS, MOST_COLUMNS);

/** Prose: wrapped on a terminal, and one line elsewhere, where somebody may search it. */
export const proseLines = (text: string, indent = 0): string[] => {
  const lines = columns() === null ? [plain(text)] : wrapText(text, lineWidth() - indent);
  return lines.map((line) => `${" ".repeat(indent)}${line}`);
};

/** Lines of at most `width` characters, broken at spaces. A longer word stays whole. */
export const wrapText = (text: string, width: number): string[] => {
  const lines: string[] = [];
  let line = "";
  for (const word of plain(text).split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
};
