// How the CLI fails: one line for a person, and an exit code for a script. 1: it could not be done, or the answer is no.
// 2: the arguments or the environment are wrong.

/** The arguments or the environment are wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** An error and its causes, in one line. */
export const errorText = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  // A connection that was tried at several addresses has an error for each, and no words of its own.
  const own = error instanceof AggregateError && error.message === "" ? error.errors[0] : error;
  const message = own instanceof Error ? own.message : String(own);
  const text = error.cause === undefined ? message : `${message}: ${errorText(error.cause)}`;
  return text.replaceAll(/\s*\n\s*/g, " ");
};

export const exitCode = (error: unknown): 1 | 2 =>
  // citty's own errors are about the arguments.
  error instanceof Error && (error.name === "UsageError" || error.name === "CLIError") ? 2 : 1;
