/** An error and its causes, in one line for a person. */
export const errorText = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  // A connection that was tried at several addresses has an error for each, and no words of its own.
  const own = error instanceof AggregateError && error.message === "" ? error.errors[0] : error;
  const message = own instanceof Error ? own.message : String(own);
  const cause = error.cause === undefined ? "" : errorText(error.cause);
  // Libraries wrap an error and repeat its words.
  const text = cause === "" || message.endsWith(cause) ? message : `${message}: ${cause}`;
  return text.replaceAll(/\s*\n\s*/g, " ");
};
