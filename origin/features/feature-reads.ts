// What other stages may ask about features, bound to the database. The audit may come from a replica.
import type { HistoryReads } from "../db/history-reads.ts";
import type { Pool } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { listFeatures, type FeatureQuery } from "./list-features.ts";
import { previewRollback, type RollbackPreview } from "./preview-rollback.ts";
import { readDependents } from "./read-dependents.ts";
import { verifyAudit, type AuditRange } from "./audit/verify-audit.ts";
import { exportFeatures } from "./config/export-features.ts";
import { exportSegments } from "./config/export-segments.ts";
import { listOperatorEventsAfter, newestOperatorEventId } from "./operator-events.ts";
import {
  getFeature,
  getRule,
  listAudit,
  listAuditAfter,
  newestAuditSeq,
  newestRollback,
  type AuditQuery,
  listRollbacksAt,
} from "./read-features.ts";

export type FeatureReads = ReturnType<typeof makeFeatureReads>;

export const makeFeatureReads = ({ pool, history }: { pool: Pool; history: HistoryReads }) => ({
  getFeature: (featureId: FeatureId) => getFeature(pool, featureId),
  getRule: (featureId: FeatureId) => getRule(pool, featureId),
  listFeatures: (query: FeatureQuery) => listFeatures(pool, query),
  exportConfig: async (query: Parameters<typeof exportFeatures>[1]) => ({
    segments: await exportSegments(pool, query),
    features: await exportFeatures(pool, query),
  }),
  listAudit: (query: AuditQuery) => history((db) => listAudit(db, query)),
  /** From the primary; null: the audit has none. */
  newestChange: async (featureId: FeatureId) =>
    (await listAudit(pool, { limit: 1, featureId })).items[0] ?? null,
  /** From the primary, so that a rollback of a moment ago is found; null: it was never rolled back. */
  newestRollback: (featureId: FeatureId) => newestRollback(pool, featureId),
  /** What a rollback would close now; none where nothing is open. */
  previewRollback: (target: RollbackPreview) => previewRollback(pool, target),
  readDependents: (featureId: FeatureId) => readDependents(pool, featureId),
  rollbacksAt: (revision: number) => listRollbacksAt(pool, revision),
  newestAuditSeq: () => newestAuditSeq(pool),
  listAuditAfter: (seq: number, limit: number) => listAuditAfter(pool, seq, limit),
  newestOperatorEventId: () => newestOperatorEventId(pool),
  listOperatorEventsAfter: (id: number, limit: number) => listOperatorEventsAfter(pool, id, limit),
  verifyAudit: (range: AuditRange) => verifyAudit(pool, range),
});
