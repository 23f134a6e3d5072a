// An edge knows more than the database: commits were lost by a failover or a restore, or another database pushed to the
// edge. What the edge has closed is closed in the database, as audited changes, and somebody is told.
import type { Pool } from "../../db/pool.ts";
import type { FeatureChanges } from "../../features/change-feature.ts";
import type { Recovered } from "../../features/trace-changes.ts";
import type { Witnessed } from "../../features/prepare-recovery.ts";
import type { ErrorLog } from "../../runtime/log.ts";
import { Revision } from "../../../shared/ids.ts";
import type { HistoryPoint } from "../../../shared/snapshot/push-message.ts";
import { recordWitness } from "./confirmations.ts";

export type RecoverFromEdge = (
  edge: string,
  held: readonly Witnessed[],
  point?: HistoryPoint,
) => Promise<void>;

/** Throws when the database does not answer: the edge is then asked again. */
export const makeRecoverFromEdge = (options: {
  pool: Pool;
  changes: Pick<FeatureChanges, "recoverFeatures">;
  /** Begins a new lineage: the edge's state has this one's name, and the database does not contain it. */
  beginLineage: () => Promise<void>;
  readLineage: () => Promise<string | undefined>;
  raiseRevision: (above: Revision) => Promise<void>;
  /** The revisions that follow are above all that were ever published. */
  onRaised: () => void;
  /** The edge knows changes that the database lacks. */
  onAhead: (edge: string) => void;
  /** Something was closed or forgotten. */
  onRecovered?: ((recovered: Recovered) => void) | undefined;
  log: ErrorLog;
}): RecoverFromEdge => {
  const { pool, changes, beginLineage, readLineage, raiseRevision, onRaised, onAhead, onRecovered, log } =
    options;
  const told = new Set<string>();

  return async (edge, held, point) => {
    const startMs = Date.now();
    if (point !== undefined) {
      await recordWitness(pool, edge, point);
      if ((await readLineage()) === point.lineage) await beginLineage();
    }
    const recovered = await changes.recoverFeatures(held, { edge, point });
    if (!recovered.ok)
      throw new Error(`what ${edge} holds could not be recovered: ${recovered.error.reason}`);
    const { closed = [], forgotten = [] } = recovered.value ?? {};
    if (recovered.value !== null) onRecovered?.({ edge, startMs, ...recovered.value });
    if (point !== undefined) {
      await raiseRevision(Revision.parse(point.revision));
      onRaised();
    }
    const name = JSON.stringify([edge, point?.lineage, point?.revision, closed, forgotten]);
    if (told.has(name) || (closed.length === 0 && forgotten.length === 0 && point === undefined)) return;
    told.add(name);
    onAhead(edge);
    const names = closed.length === 0 ? "no feature" : closed.join(", ");
    const gone =
      forgotten.length === 0 ? "" : `; unknown here, and removed from the edges: ${forgotten.join(", ")}`;
    log.error(
      { edge, features: closed, forgotten, ...(point === undefined ? {} : { lost: point }) },
      point === undefined
        ? `ALERT: another database closed features that this one had open; they are closed here too: ${names}${gone}`
        : `ALERT: the database lacks changes that an edge has, as after a failover or a restore; closed here again: ${names}${gone}; look in the audit for "recovered from edge", and at the changes of the last minutes`,
    );
  };
};
