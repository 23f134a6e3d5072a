// A body becomes a batch, the batch is classified, and its records are appended to the log.
import type { SpanLog } from "../span-log/span-log.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { makeBatchClassifier, type ClassCounts, type ClassifiedBatch } from "./classify-batch.ts";
import { isRelevant, storedReasons } from "./classify.ts";
import type { UncountedSpans } from "../span-log/uncounted.ts";
import type { BotRequestCounter } from "./bot-request-counter.ts";
import type { FeatureDirectory } from "./feature-directory.ts";
import { readJson } from "./otlp-json.ts";
import { readProtobuf } from "./otlp-protobuf.ts";
import type { OtlpRequest } from "./otlp-request.ts";
import { makeJoin, releaseMemory } from "./request-body.ts";
import type { SeenRegions } from "./seen-regions.ts";
import { SpanBatch } from "./span-batch.ts";
import type { RawSampling } from "./span-record.ts";

export type MalformedBodyError = { readonly reason: "malformed"; readonly detail: string };
/** What needs none of these keys is stored. All of it may be sent again: the fold counts a span once. */
export type KeyMissingError = { readonly reason: "keyMissing"; readonly kids: readonly string[] };

/**
 * The function that it returns resolves when the records are durable, and rejects when the log or the directory of features
 * cannot be reached. `nowMs`: wall clock for the age of spans.
 */
export const makeTelemetryStore = (options: {
  log: SpanLog;
  directory: FeatureDirectory;
  bots: Pick<BotRequestCounter, "add">;
  uncounted: Pick<UncountedSpans, "add">;
  regions: Pick<SeenRegions, "add">;
  raw: RawSampling;
  captchaThreshold: number;
  nowMs: () => number;
}) => {
  const { log, directory, bots, uncounted, regions, nowMs } = options;
  const join = makeJoin();
  const classify = makeBatchClassifier(options);
  const batches = {
    traces: new SpanBatch((fields) => isRelevant("traces", fields)),
    logs: new SpanBatch((fields) => isRelevant("logs", fields)),
  };

  const parseAndClassify = (
    chunks: readonly Buffer[],
    { signal, encoding }: OtlpRequest,
  ): Result<ClassifiedBatch, MalformedBodyError> => {
    const now = nowMs();
    const body = join(chunks);
    const batch = batches[signal];
    batch.clear();
    const problem = encoding === "json" ? readJson(body, signal, batch) : readProtobuf(body, signal, batch);
    if (problem !== null) return err({ reason: "malformed", detail: problem });
    return ok(classify(signal, batch, now));
  };

  return async (
    chunks: readonly Buffer[],
    request: OtlpRequest,
  ): Promise<Result<ClassCounts, MalformedBodyError | KeyMissingError>> => {
    if (directory.isOld()) await directory.refresh();
    let classified = parseAndClassify(chunks, request);
    // Twice: an epoch is looked for once its feature is known.
    for (let refreshes = 0; refreshes < 2; refreshes++) {
      if (!classified.ok || !classified.value.counts.has("unsureFeature")) break;
      // From the beginning: other requests have used the same memory meanwhile.
      await directory.refresh();
      classified = parseAndClassify(chunks, request);
    }
    if (!classified.ok) {
      releaseMemory(chunks);
      return classified;
    }
    const { resources } = batches[request.signal];
    const { records, counts, bots: botRequests, rejected, lackedKeys } = classified.value;
    const durable = log.append(records);
    releaseMemory(chunks);
    await durable;
    // Counts beside the log do not know what comes again: they wait until the whole body is taken.
    if (lackedKeys.size > 0) return err({ reason: "keyMissing", kids: [...lackedKeys] });
    bots.add(botRequests);
    regions.add(resources);
    for (const { feature, reason } of rejected) uncounted.add(feature, storedReasons[reason], 1);
    return ok(counts);
  };
};
