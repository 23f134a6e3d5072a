// A database whose spool cannot be worked with is told of once, and once more when it can be again.
import { errorText } from "../../runtime/error-text.ts";
import type { ErrorLog, WarningLog } from "../../runtime/log.ts";

/** What is done with a spool: either may fail while the other goes on. */
type Work = "send" | "measure";

export type SpoolOutage = {
  readonly failed: (work: Work, error: unknown) => void;
  readonly worked: (work: Work) => void;
};

export const makeSpoolOutage = (database: string, log: WarningLog & ErrorLog): SpoolOutage => {
  const failing = new Set<Work>();
  return {
    failed: (work, error) => {
      if (failing.size === 0)
        log.error(
          { database, error: errorText(error) },
          "ALERT: the sampled spans that wait in a database cannot be read or removed; that is tried again, and those in other databases are sent meanwhile",
        );
      failing.add(work);
    },
    worked: (work) => {
      if (failing.delete(work) && failing.size === 0)
        log.warn({ database }, "the sampled spans that wait in a database are read and sent again");
    },
  };
};
