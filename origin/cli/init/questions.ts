// Asks a person on a terminal for what the command line did not say.
import { createInterface } from "node:readline/promises";

export type Ask = (question: string, fallback: string) => Promise<string>;

/** Without a terminal every answer is the one that is offered. */
export const canAsk = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

export const withQuestions = async <T>(work: (ask: Ask) => Promise<T>): Promise<T> => {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D end the program as ever: nothing is written yet.
  const gone = new AbortController();
  terminal.once("close", () => gone.abort());
  try {
    return await work(async (question, fallback) => {
      const shown = fallback === "" ? `${question}: ` : `${question} [${fallback}]: `;
      return (await terminal.question(shown, { signal: gone.signal })).trim() || fallback;
    });
  } finally {
    terminal.close();
  }
};
