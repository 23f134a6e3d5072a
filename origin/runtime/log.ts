// Structured logs on stdout. Secrets are never passed in; keys that could hold one are removed all the same.
import { pino, stdSerializers, type Logger as PinoLogger } from "pino";
import { errorText } from "./error-text.ts";

export type Logger = Pick<PinoLogger, "debug" | "info" | "warn" | "error">;

/** For a part that only warns. */
export type WarningLog = { readonly warn: (facts: object, message: string) => void };

/** For a part that only reports errors. */
export type ErrorLog = { readonly error: (facts: object, message: string) => void };

/** An error without words of its own (tried at several addresses) gets those of its parts. */
const withMessage = (error: unknown): unknown =>
  error instanceof Error ? { ...stdSerializers.err(error), message: errorText(error) } : error;

export const makeLogger = (level: string): PinoLogger =>
  pino({
    level,
    base: null,
    // Under either name: as JSON an Error is {}.
    serializers: { err: withMessage, error: withMessage },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    redact: { paths: ["*.authorization", "*.token", "*.secret", "*.password"], remove: true },
  });
