// A terminal of a given size in which a program runs, and whose screen is read as a person sees it.
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { programPath } from "../../scripts/system-programs.ts";

export type Screen = {
  /** Its lines, without spaces at their ends and without empty ones at its end. */
  readonly lines: () => string[];
  /** Resolves with the lines once the screen shows the text; throws with the screen when it does not. */
  readonly shows: (text: string | RegExp) => Promise<string[]>;
  /** Keys as tmux names them, such as `C-c` and `Enter`. */
  readonly press: (...keys: readonly string[]) => void;
  readonly end: () => void;
};

const SHOWS_WITHIN_MS = 20_000;
let count = 0;

/** `command` is a line of a shell, which stays when it has ended. */
export const openScreen = (
  command: string,
  options: { width: number; height: number; env: Readonly<Record<string, string>> },
): Screen => {
  const { width, height, env } = options;
  const tmux = programPath("tmux", "npm test");
  count += 1;
  const socket = `sluice-${process.pid}-${count}`;
  const run = (...args: readonly string[]): string =>
    execFileSync(tmux, ["-L", socket, "-f", "/dev/null", ...args], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], LANG: "C.UTF-8", TERM: "xterm-256color", ...env },
    });
  const size = ["-x", String(width), "-y", String(height)];
  run("new-session", "-d", ...size, "env", "PS1=$ ", "bash", "--norc", "--noprofile");
  run("send-keys", "-l", `clear; ${command}`);
  run("send-keys", "Enter");
  const text = (): string => run("capture-pane", "-p");
  const lines = (): string[] =>
    text()
      .trimEnd()
      .split("\n")
      .map((line) => line.trimEnd());
  return {
    lines,
    shows: async (wanted) => {
      const deadline = performance.now() + SHOWS_WITHIN_MS;
      for (;;) {
        const seen = text();
        if (typeof wanted === "string" ? seen.includes(wanted) : wanted.test(seen)) return lines();
        if (performance.now() > deadline)
          throw new Error(`the screen does not show ${String(wanted)}:\n${seen}`);
        await sleep(50);
      }
    },
    press: (...keys) => void run("send-keys", ...keys),
    end: () => void run("kill-server"),
  };
};
