// The numbers of received spans and log records: for the metrics, and for OTLP's count of rejected ones.
import type { Metrics } from "../runtime/metrics.ts";
import type { ClassCounts } from "./classify-batch.ts";
import { isRejection, rejectionMessages, type Classification } from "./classify.ts";

/** How many were rejected, and why. */
export const rejectedSpans = (counts: ClassCounts): { rejected: number; message: string } => {
  let rejected = 0;
  const reasons: string[] = [];
  for (const [classification, count] of counts) {
    if (!isRejection(classification)) continue;
    rejected += count;
    reasons.push(`${count}: ${rejectionMessages[classification]}`);
  }
  return { rejected, message: reasons.join("; ") };
};

const resultOf = (classification: Classification): "accepted" | "rejected" | "ignored" => {
  if (classification === "accepted") return "accepted";
  return isRejection(classification) ? "rejected" : "ignored";
};

export const countSpans = (
  metrics: Pick<Metrics, "ingestSpans" | "droppedSpans">,
  counts: ClassCounts,
): void => {
  for (const [classification, items] of counts) {
    metrics.ingestSpans.inc({ result: resultOf(classification) }, items);
    if (classification === "accepted") continue;
    const outcome = classification === "botByCaptcha" ? "bot" : classification;
    metrics.droppedSpans.inc({ outcome }, items);
  }
};
