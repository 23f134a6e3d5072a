// Errors of PostgreSQL that callers tell apart, by their SQLSTATE.
// https://www.postgresql.org/docs/17/errcodes-appendix.html

export const UNIQUE_VIOLATION = "23505";
/** No partition takes the row (check_violation). */
export const NO_PARTITION = "23514";

/** undefined: the error does not come from the database. */
export const sqlState = (error: unknown): unknown =>
  error instanceof Error && "code" in error ? error.code : undefined;
