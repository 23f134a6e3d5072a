// Tells the traces of changes: the commit, and before it the evaluation and the decision, or the recovery, that led to it.
import { errorText } from "../runtime/error-text.ts";
import type { WarningLog } from "../runtime/log.ts";
import { spanIdOf, traceIdOf, type Tracing } from "../runtime/tracing.ts";
import type { Queryable } from "../db/pool.ts";
import type { OnCommitted } from "./commit-queue.ts";

/** Of the newest telemetry of the feature so many spans are linked to: a way from a verdict to requests. */
const LINKED_SPANS = 5;

/** A decision that changed the feature. Times are unix time. */
export type CarriedOut = {
  readonly featureId: string;
  readonly effect: string;
  readonly decision: { readonly action: string; readonly state: string; readonly reason: string };
  readonly revision: number;
  readonly evaluatedMs: number;
  readonly decidedMs: number;
};

/** What was closed, or forgotten, because an edge knew of it. Times are unix time. */
export type Recovered = {
  readonly edge: string;
  readonly revision: number;
  readonly closed: readonly string[];
  readonly forgotten: readonly string[];
  readonly startMs: number;
};

type Link = { readonly traceId: string; readonly spanId: string };

const readNewestSpans = async (db: Queryable, featureId: string): Promise<readonly Link[]> => {
  const { rows } = await db.query<Link>(
    `select encode(trace_id, 'hex') as "traceId", encode(span_id, 'hex') as "spanId" from otel_spans
     where feature_id = $1 order by "timestamp" desc limit $2`,
    [featureId, LINKED_SPANS],
  );
  return rows.filter(({ traceId, spanId }) => traceId.length === 32 && spanId.length === 16);
};

/**
 * `readLineage`: the history of the database; undefined while nothing was committed in it. `follows`: what Sluice's own changes in
 * this thread come from.
 */
export const makeChangeTraces = (options: {
  db: Queryable;
  readLineage: () => Promise<string | undefined>;
  follows: "decision" | "recovery";
  tracing: Tracing;
  log: WarningLog;
}) => {
  const { db, readLineage, follows, tracing, log } = options;

  const tell = async (revision: number, spans: (traceId: string) => Promise<void>): Promise<void> => {
    try {
      const lineage = await readLineage();
      if (lineage !== undefined) await spans(traceIdOf({ lineage, revision }));
    } catch (error) {
      log.warn({ revision, error: errorText(error) }, "a change could not be traced; it was committed");
    }
  };

  const committed: OnCommitted = ({ change, committed: { revision }, seconds }) => {
    const endMs = Date.now();
    void tell(revision, async (traceId) => {
      const isOwn = change.actor === "sluice";
      const changed = [
        ...(change.segments ?? []).map(({ segmentId, next }) =>
          next === null ? `delete segment ${segmentId}` : `segment ${segmentId}`,
        ),
        ...change.features.map(({ kind, featureId }) => `${kind} ${featureId}`),
      ];
      tracing.record({
        name: "sluice.commit",
        traceId,
        spanId: spanIdOf(traceId, "commit"),
        ...(isOwn ? { parentId: spanIdOf(traceId, follows) } : {}),
        startMs: endMs - seconds * 1_000,
        endMs,
        attributes: {
          "sluice.revision": revision,
          "sluice.changes": changed.join(", "),
        },
      });
    });
  };

  const decided = ({ featureId, effect, decision, revision, evaluatedMs, decidedMs }: CarriedOut): void => {
    const endMs = Date.now();
    void tell(revision, async (traceId) => {
      const evaluation = spanIdOf(traceId, "evaluation");
      const attributes = { "sluice.feature": featureId, "sluice.revision": revision };
      tracing.record({
        name: "sluice.evaluation",
        traceId,
        spanId: evaluation,
        startMs: evaluatedMs,
        endMs,
        attributes,
        links: await readNewestSpans(db, featureId),
      });
      tracing.record({
        name: "sluice.decision",
        traceId,
        spanId: spanIdOf(traceId, "decision"),
        parentId: evaluation,
        startMs: decidedMs,
        endMs,
        attributes: {
          ...attributes,
          "sluice.action": decision.action,
          "sluice.state": decision.state,
          "sluice.effect": effect,
          "sluice.decision.reason": decision.reason,
        },
      });
    });
  };

  const recovered = ({ edge, revision, closed, forgotten, startMs }: Recovered): void => {
    const endMs = Date.now();
    void tell(revision, async (traceId) => {
      tracing.record({
        name: "sluice.recovery",
        traceId,
        spanId: spanIdOf(traceId, "recovery"),
        startMs,
        endMs,
        attributes: {
          "sluice.edge": new URL(edge).host,
          "sluice.revision": revision,
          "sluice.recovered.closed": closed.join(", "),
          "sluice.recovered.forgotten": forgotten.join(", "),
        },
      });
    });
  };

  return { committed, decided, recovered };
};
