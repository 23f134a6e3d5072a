// A bootstrap token for this run, where none is configured.
import { randomBytes } from "node:crypto";

/** Shown once, outside of the log. */
export const printNewToken = (): string => {
  const token = randomBytes(32).toString("base64url");
  process.stdout.write(`ADMIN_TOKEN is not set; this run's is ${token}\n`);
  return token;
};
