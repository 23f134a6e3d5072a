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

/** Columns of texts, each as wide as its widest cell. The last one is not padded. */
export const tableText = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const all = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...all.map((row) => (row[at] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
};

/** Only on a terminal, and not where NO_COLOR is set. */
export const strong = (text: string): string => styleText("bold", text, { stream: process.stdout });

/** The same for a colour. */
export const coloured = (colour: "green" | "yellow" | "red", text: string): string =>
  styleText(colour, text, { stream: process.stdout });

const MOST_COLUMNS = 100;

/** For prose: the terminal's width, and not more than is easily read. */
export const lineWidth = (): number => Math.min(process.stdout.columns ?? MOST_COLUMNS, MOST_COLUMNS);

/** Lines of at most `width` characters, broken at spaces. A longer word stays whole. */
export const wrapText = (text: string, width: number): string[] => {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
};
