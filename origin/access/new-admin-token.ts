// A bootstrap token for this run, where none is configured.
import { randomBytes } from "node:crypto";

type Log = { readonly warn: (facts: object, message: string) => void };
type Terminal = { readonly isTTY: boolean; readonly write: (text: string) => boolean };

/** A terminal is shown it once. A log is kept and read by others, so it is told that there is none to see. */
export const makeNewToken = (log: Log, terminal: Terminal = process.stdout): string => {
  const token = randomBytes(32).toString("base64url");
  if (terminal.isTTY) terminal.write(`ADMIN_TOKEN is not set; this run's is ${token}\n`);
  else
    log.warn({}, "ADMIN_TOKEN is not set, and only a terminal is shown the one of this run; set ADMIN_TOKEN");
  return token;
};
