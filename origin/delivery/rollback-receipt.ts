// The receipt of a rollback: decision and evidence as they were committed, the audit row's hash, and which region
// confirmed when. It is signed, so that people who were not there can check it.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Queryable } from "../db/pool.ts";
import type { FeatureId, Revision } from "../../shared/ids.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import { formatSignature, parseSignature, signedText } from "../../shared/signing/push-signature.ts";
import { readConfirmations, readMissingEdges, type Confirmation } from "./edges/edge-status.ts";

export type AuditedRollback = {
  readonly seq: number;
  readonly at: Date;
  readonly actor: string;
  readonly reason: string;
  readonly version: number;
  readonly epoch: number;
  readonly revision: Revision;
  readonly details: Readonly<Record<string, unknown>>;
  readonly hash: string;
};

export type RollbackReceipt = {
  readonly featureId: FeatureId;
  readonly rollback: AuditedRollback;
  /** The history of the database that the revision is of; null: of before histories had names. */
  readonly lineage: string | null;
  readonly complete: boolean;
  readonly missingEdges: readonly string[];
  readonly confirmations: readonly (Confirmation & {
    /** From the commit until the confirmation was written down. */
    readonly msAfterCommit: number;
  })[];
};

export type SignedReceipt = { readonly receipt: RollbackReceipt; readonly signature: string };

const readLineage = async (db: Queryable, revision: Revision): Promise<string | null> => {
  const { rows } = await db.query<{ id: string }>(
    "select id from lineages where revision < $1 order by revision desc, begun_at desc limit 1",
    [revision],
  );
  return rows[0]?.id ?? null;
};

export const readReceipt = async (
  db: Queryable,
  featureId: FeatureId,
  rollback: AuditedRollback,
): Promise<RollbackReceipt> => {
  const [confirmations, missingEdges, lineage] = await Promise.all([
    readConfirmations(db, rollback.revision),
    readMissingEdges(db, { featureId, ...rollback }),
    readLineage(db, rollback.revision),
  ]);
  return {
    featureId,
    rollback,
    lineage,
    complete: missingEdges.length === 0,
    missingEdges,
    confirmations: confirmations.map((one) =>
      Object.assign(one, { msAfterCommit: one.confirmedAt.getTime() - rollback.at.getTime() }),
    ),
  };
};

/** The prefix keeps a receipt from passing for a push, which the same keys sign. */
const signedReceiptText = (timestamp: number, receipt: unknown): string =>
  signedText(timestamp, `rollback-receipt.${JSON.stringify(receipt)}`);

export const signReceipt = (receipt: RollbackReceipt, keys: KeyRing, nowMs: number): SignedReceipt => {
  const [{ kid, secret }] = keys;
  const timestamp = Math.floor(nowMs / 1000);
  const mac = createHmac("sha256", secret).update(signedReceiptText(timestamp, receipt)).digest("hex");
  return { receipt, signature: formatSignature({ timestamp, kid, mac }) };
};

/** Whether one of the keys signed the downloaded document as it is. */
export const isGenuineReceipt = (
  document: { receipt: unknown; signature: string },
  keys: KeyRing,
): boolean => {
  const signature = parseSignature(document.signature);
  const key = keys.find(({ kid }) => kid === signature?.kid);
  if (signature === null || key === undefined) return false;
  const mac = createHmac("sha256", key.secret)
    .update(signedReceiptText(signature.timestamp, document.receipt))
    .digest();
  return timingSafeEqual(mac, Buffer.from(signature.mac, "hex"));
};
