// Classifies all items of one request body.
import { EMPTY_VIEW } from "../span-log/bytes.ts";
import { PseudonymBuffer } from "../span-log/pseudonyms/pseudonym.ts";
import type { RecordDraft } from "../span-log/record.ts";
import type { FeatureEpoch } from "../span-log/unit-key.ts";
import {
  isRejection,
  makeClassifier,
  NO_FEATURE,
  type Classification,
  type RejectionReason,
} from "./classify.ts";
import type { OtlpSignal } from "./otlp-request.ts";
import type { SpanBatch } from "./span-batch.ts";
import { emptyRecord } from "./span-record.ts";

/** Records that are kept for the next body. */
const MAX_KEPT = 4_096;

/** How many items of a body were classified as what. */
export type ClassCounts = ReadonlyMap<Classification, number>;

export type ClassifiedBatch = {
  /** to append; valid until the next batch is classified */
  readonly records: readonly RecordDraft[];
  readonly counts: ClassCounts;
  /** requests of bots, by feature */
  readonly bots: ReadonlyMap<FeatureEpoch, number>;
  /** items that can never count and name a feature that is known */
  readonly rejected: readonly Rejected[];
  /** names of keys that this process lacks: items whose unit it cannot name are not among the records */
  readonly lackedKeys: ReadonlySet<string>;
};

export type Rejected = { readonly feature: FeatureEpoch; readonly reason: RejectionReason };

const increment = <K>(counts: Map<K, number>, key: K): void =>
  void counts.set(key, (counts.get(key) ?? 0) + 1);

/** `nowMs`: when the request came in. */
export const makeBatchClassifier = (options: Parameters<typeof makeClassifier>[0]) => {
  const classify = makeClassifier(options);
  let pool: RecordDraft[] = [];
  const pseudonyms = new PseudonymBuffer();

  /** From here on nothing knows the unit by its id. Otherwise the name of the key that it takes. */
  const hideUnit = ({ feature, unit }: RecordDraft): string | null => {
    const key = feature.pseudonyms;
    if (key === null) return null;
    if ("missing" in key) return key.missing;
    pseudonyms.replace(key, unit);
    return null;
  };

  return (signal: OtlpSignal, batch: SpanBatch, nowMs: number): ClassifiedBatch => {
    if (pool.length > MAX_KEPT) pool = [];
    pseudonyms.clear();
    const records: RecordDraft[] = [];
    const counts = new Map<Classification, number>();
    const bots = new Map<FeatureEpoch, number>();
    const rejected: Rejected[] = [];
    const lackedKeys = new Set<string>();
    if (batch.irrelevant > 0) counts.set("notAFeature", batch.irrelevant);
    for (let i = 0; i < batch.count; i++) {
      const fields = batch.items[i];
      if (fields === undefined) throw new Error("unreachable: the batch is short");
      const record = (pool[records.length] ??= emptyRecord(NO_FEATURE, EMPTY_VIEW));
      const classification = classify(signal, fields, nowMs, record);
      increment(counts, classification);
      if (classification === "accepted" || classification === "botByCaptcha") {
        const lacked = hideUnit(record);
        if (lacked === null) records.push(record);
        else lackedKeys.add(lacked);
      }
      if (isRejection(classification) && record.feature !== NO_FEATURE)
        rejected.push({ feature: record.feature, reason: classification });
      if (classification === "bot" || classification === "botByCaptcha") increment(bots, record.feature);
    }
    return { records, counts, bots, rejected, lackedKeys };
  };
};
