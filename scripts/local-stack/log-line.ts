// The origin's log lines are JSON, for machines. In a terminal a person reads them.
import { z } from "zod";

const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warning",
  50: "error",
  60: "fatal",
};

const LogLine = z.looseObject({
  level: z.number(),
  time: z.string(),
  msg: z.string(),
  err: z.looseObject({ message: z.string() }).optional(),
});

const parse = (line: string): z.infer<typeof LogLine> | undefined => {
  try {
    return LogLine.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
};

/** Time, level, message and facts; a line that is not of the log stays as it is. */
export const readableLine = (line: string): string => {
  const parsed = parse(line);
  if (parsed === undefined) return line;
  const { level, time, msg, err, ...facts } = parsed;
  const details = [
    ...Object.entries(facts).map(
      ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
    ),
    ...(err === undefined ? [] : [err.message]),
  ];
  return `${time.slice(11, 19)} ${LEVELS[level] ?? level}: ${msg}${details.length === 0 ? "" : ` (${details.join(", ")})`}`;
};
