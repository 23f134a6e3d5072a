// Terminals in which a test types commands: one that shows a program until Ctrl-C, and one with a shell that remembers
// its variables.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

export type Environment = Readonly<Record<string, string>>;

export type Program = {
  /** All that was printed so far. */
  readonly screen: () => string;
  /** Resolves when the screen shows the text; throws with the screen when it does not, or when the program ends. */
  readonly shows: (text: string | RegExp, withinMs: number) => Promise<void>;
  /** SIGINT to the program and to all that it started, as a terminal sends it. Resolves with the exit code. */
  readonly interrupt: () => Promise<number>;
  /** SIGTERM to the program alone, as a supervisor sends it. */
  readonly terminate: () => Promise<number>;
  /** Resolves with the exit code; -1 after a signal. */
  readonly ended: Promise<number>;
};

const ENDS_WITHIN_MS = 30_000;

const signalGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // The whole group is gone.
  }
};

/** `wrap` goes before the shell: a program that changes the user. */
export const runProgram = (
  command: string,
  options: { readonly cwd: string; readonly env: Environment; readonly wrap?: readonly string[] },
): Program => {
  const { cwd, env, wrap = [] } = options;
  const [file, ...args] = [...wrap, "bash", "-c", command];
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let screen = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (screen += chunk.toString()));
  const ended = once(child, "close").then(([code]) => Number(code ?? -1));
  let isRunning = true;
  void ended.then(() => (isRunning = false));
  const matches = (text: string | RegExp): boolean =>
    typeof text === "string" ? screen.includes(text) : text.test(screen);
  const end = async (tell: () => void): Promise<number> => {
    tell();
    const last = setTimeout(() => {
      signalGroup(child, "SIGKILL");
    }, ENDS_WITHIN_MS);
    const code = await ended;
    clearTimeout(last);
    return code;
  };
  return {
    screen: () => screen,
    shows: async (text, withinMs) => {
      const deadline = performance.now() + withinMs;
      while (!matches(text)) {
        if (!isRunning || performance.now() > deadline)
          throw new Error(
            `${command}: ${isRunning ? `not within ${withinMs} ms` : "ended without it"}: ${String(text)}\n${screen}`,
          );
        await new Promise((wake) => setTimeout(wake, 50));
      }
    },
    interrupt: () => end(() => signalGroup(child, "SIGINT")),
    terminate: () => end(() => void child.kill("SIGTERM")),
    ended,
  };
};

export type ShellSession = {
  /** Resolves with the command's standard output. Throws when its exit code is not 0. */
  readonly run: (command: string) => Promise<string>;
  readonly stop: () => Promise<void>;
};

export const openShell = (options: { readonly cwd: string; readonly env: Environment }): ShellSession => {
  const shell = spawn("bash", [], { ...options, stdio: ["pipe", "pipe", "pipe"] });
  let printed = "";
  let errors = "";
  shell.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  shell.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const ended = once(shell, "close");
  let count = 0;
  return {
    run: async (command) => {
      count += 1;
      printed = "";
      errors = "";
      const end = new RegExp(`\nend of ${count}: (\\d+)\n`);
      shell.stdin.write(`${command}\nprintf '\\nend of ${count}: %s\\n' "$?"\n`);
      while (!end.test(printed)) {
        if (shell.exitCode !== null) throw new Error(`the shell ended: ${printed}${errors}`);
        await new Promise((wake) => setTimeout(wake, 10));
      }
      const output = printed.replace(end, "").trim();
      const status = Number(end.exec(printed)?.[1]);
      if (status !== 0) throw new Error(`${command}: exit code ${status}\n${output}\n${errors}`);
      return output;
    },
    stop: async () => {
      shell.stdin.end();
      await ended;
    },
  };
};
