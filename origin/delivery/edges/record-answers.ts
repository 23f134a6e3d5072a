// Writes down how each edge answered: confirmations for operators and receipts, failures for the list of dead letters.
import type { Pool } from "../../db/pool.ts";
import type { Revision } from "../../../shared/ids.ts";
import type { Close } from "../../../shared/snapshot/push-message.ts";
import { recordCloses, recordConfirmed, recordFailed } from "./confirmations.ts";
import type { PushAnswer } from "./send-push.ts";
import type { ErrorLog, WarningLog } from "../../runtime/log.ts";

/** An unchanged confirmation is written down again after this long, in ms. */
const REWRITE_MS = 10_000;

/** What one answer of an edge confirms. */
export type Confirmed = {
  readonly edge: string;
  /** Its hub's. */
  readonly revision: Revision;
  readonly regions: readonly { readonly region: string; readonly revision: Revision }[];
};

export type AnswerRecorder = {
  /** Takes one answer of the edge; never throws. */
  readonly record: (answer: PushAnswer, attempts: number) => void;
  /** The edge has closed these, ahead of the rest of their revision; never throws. */
  readonly recordCloses: (closes: readonly Close[]) => void;
  /** Resolves when every answer so far is written. */
  readonly written: () => Promise<void>;
};

export const makeAnswerRecorder = (options: {
  pool: Pool;
  url: string;
  onConfirmed: (confirmed: Confirmed) => void;
  /** Whether the edge takes pushes, when that is learned or has changed. */
  onFailing: (isFailing: boolean) => void;
  /** An edge has a rollback; the time since its commit. */
  onRollbackArrived: (seconds: number) => void;
  log: WarningLog & ErrorLog;
}): AnswerRecorder => {
  const { pool, url, onConfirmed, onFailing, onRollbackArrived, log } = options;
  const writes = new Set<Promise<void>>();
  let written = "";
  let writtenAt = -Infinity;
  let wasFailing = false;
  let refusedWith = "";

  const write = async (answer: PushAnswer, attempts: number): Promise<void> => {
    switch (answer.kind) {
      case "confirmed": {
        onConfirmed({ edge: url, revision: answer.revision, regions: answer.regions });
        const text = JSON.stringify([answer.revision, answer.regions.map((r) => [r.region, r.revision])]);
        if (text === written && performance.now() - writtenAt < REWRITE_MS) return;
        for (const seconds of await recordConfirmed(pool, url, answer)) onRollbackArrived(seconds);
        written = text;
        writtenAt = performance.now();
        return;
      }
      case "failed":
      case "refused":
        written = "";
        return recordFailed(pool, url, { error: answer.error, attempts });
      case "out-of-step":
      case "incomplete":
        return;
      default:
        answer satisfies never;
    }
  };

  /** One line when the edge fails and one when it is back, not one for every attempt. */
  const logTransition = (answer: PushAnswer): void => {
    const isFailing = answer.kind === "failed" || answer.kind === "refused";
    if (answer.kind === "failed" && !wasFailing)
      log.warn(
        { edge: url, error: answer.error },
        "the edge does not take pushes; they are repeated until it does",
      );
    if (answer.kind === "refused" && answer.error !== refusedWith)
      log.error(
        { edge: url, error: answer.error },
        "the edge refuses pushes with this reason, and repeating them does not help; remove the reason",
      );
    refusedWith = answer.kind === "refused" ? answer.error : "";
    if (wasFailing && answer.kind === "confirmed") log.warn({ edge: url }, "the edge takes pushes again");
    const isStillFailing = isFailing || (wasFailing && answer.kind !== "confirmed");
    if (isStillFailing !== wasFailing) onFailing(isStillFailing);
    wasFailing = isStillFailing;
  };

  const keep = (writing: Promise<void>): void => {
    const done = writing
      .catch((error: unknown) =>
        log.warn(
          { edge: url, error: String(error) },
          "an answer of the edge could not be written down; the next one is",
        ),
      )
      .finally(() => writes.delete(done));
    writes.add(done);
  };

  return {
    record: (answer, attempts) => {
      logTransition(answer);
      keep(write(answer, attempts));
    },
    recordCloses: (closes) => keep(recordCloses(pool, url, closes)),
    written: async () => {
      await Promise.all(writes);
    },
  };
};
