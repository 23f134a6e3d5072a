// What other stages may ask about delivery, bound to the database.
import type { Pool } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import { readDeadLetters, readEdgeNews, readEdges } from "./edges/edge-status.ts";
import { readFeatureDelivery, type DeliveredChange } from "./edges/feature-delivery.ts";
import { readReceipt, signReceipt, type AuditedRollback } from "./rollback-receipt.ts";

export type DeliveryReads = ReturnType<typeof makeDeliveryReads>;

/** `keys` sign receipts. `nowMs`: wall clock. */
export const makeDeliveryReads = ({
  pool,
  keys,
  nowMs,
}: {
  pool: Pool;
  keys: KeyRing | undefined;
  nowMs: () => number;
}) => ({
  readEdges: () => readEdges(pool),
  readEdgeNews: () => readEdgeNews(pool),
  readFeatureDelivery: (change: DeliveredChange) => readFeatureDelivery(pool, change),
  readDeadLetters: (limit: number) => readDeadLetters(pool, limit),
  /** null: there are no keys to sign with. */
  signedReceipt: async (featureId: FeatureId, rollback: AuditedRollback) =>
    keys === undefined ? null : signReceipt(await readReceipt(pool, featureId, rollback), keys, nowMs()),
});
