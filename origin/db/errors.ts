// Errors of PostgreSQL that callers tell apart, by their SQLSTATE.
// https://www.postgresql.org/docs/17/errcodes-appendix.html
import { DatabaseError } from "pg";

export const FOREIGN_KEY_VIOLATION = "23503";
export const UNIQUE_VIOLATION = "23505";
/** No partition takes the row (check_violation). */
export const NO_PARTITION = "23514";
export const INSUFFICIENT_PRIVILEGE = "42501";
export const UNDEFINED_TABLE = "42P01";
/** A lock was not to be had within lock_timeout. */
export const LOCK_NOT_AVAILABLE = "55P03";

/**
 * Whether the same statement may succeed when sent again: connection lost or refused, server going down or coming
 * up, serialization failure, deadlock. Anything that PostgreSQL answered otherwise is final.
 */
export const isTransient = (error: unknown): boolean => {
  if (error instanceof DatabaseError)
    return /^(08|57P0|53|40)/.test(error.code ?? "") || error.code === "25006";
  return error instanceof Error;
};

/** Whether the database refused a statement for its values. Nothing is written, and sending it again would not help. */
export const isRefusal = (error: unknown): boolean => error instanceof DatabaseError && !isTransient(error);

/** undefined: the error does not come from the database. */
export const sqlState = (error: unknown): unknown =>
  error instanceof Error && "code" in error ? error.code : undefined;
