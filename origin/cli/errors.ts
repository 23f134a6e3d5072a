// How the CLI fails: one line for a person, and an exit code for a script. 1: it could not be done, or the answer is no.
// 2: the arguments or the environment are wrong.

/** The arguments or the environment are wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const exitCode = (error: unknown): 1 | 2 =>
  // citty's own errors are about the arguments.
  error instanceof Error && (error.name === "UsageError" || error.name === "CLIError") ? 2 : 1;
