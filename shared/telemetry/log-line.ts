// A line of the Worker's log, in the form of the origin's: one JSON object, with the level, the time and what happened.

/** As in the origin's log. */
const LEVELS = { warning: 40, error: 50 };

/** `facts`: what it is about. Nothing of a visitor, and no secret. `error`: what was thrown. */
export const logLine = (
  level: keyof typeof LEVELS,
  msg: string,
  {
    at,
    error,
    ...facts
  }: { readonly at: Date; readonly error?: unknown } & Readonly<Record<string, unknown>>,
): string => {
  const thrown =
    error === undefined
      ? {}
      : {
          err:
            error instanceof Error
              ? { type: error.name, message: error.message, stack: error.stack }
              : { type: "unknown", message: JSON.stringify(error) },
        };
  return JSON.stringify({
    level: LEVELS[level],
    time: at.toISOString(),
    service: "sluice-edge",
    ...facts,
    ...thrown,
    msg,
  });
};
