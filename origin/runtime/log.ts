// Structured logs on stdout. Secrets are never passed in; keys that could hold one are removed all the same.
import { pino, type Logger as PinoLogger } from "pino";

export type Logger = Pick<PinoLogger, "debug" | "info" | "warn" | "error">;

/** For a part that only warns. */
export type WarningLog = { readonly warn: (facts: object, message: string) => void };

/** For a part that only reports errors. */
export type ErrorLog = { readonly error: (facts: object, message: string) => void };

export const makeLogger = (level: string): PinoLogger =>
  pino({
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    redact: { paths: ["*.authorization", "*.token", "*.secret", "*.password"], remove: true },
  });
