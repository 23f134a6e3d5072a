// Why DATABASE_URL leads to no database, with the variable and the host, since PostgreSQL's words name neither.
import { errorText } from "../runtime/error-text.ts";
import { sqlState } from "./errors.ts";
import { tlsFailure } from "./tls-failure.ts";

/** Nothing answers, or it refuses the login (class 28) or knows no such database. */
const OF_CONNECTING = /^(ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|28|3D000)/;

/** The error itself where something else is wrong. */
export const connectFailure = (error: unknown, url: string): unknown => {
  const ofTls = tlsFailure(error);
  if (ofTls !== null) return new Error(`DATABASE_URL: ${ofTls}`, { cause: error });
  const code = sqlState(error);
  return typeof code === "string" && OF_CONNECTING.test(code)
    ? new Error(`DATABASE_URL (${new URL(url).host || "no host"}): ${errorText(error)}`, { cause: error })
    : error;
};
