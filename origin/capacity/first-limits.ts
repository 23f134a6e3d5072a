// What has to be changed from the defaults for a planned size, in the order in which it would break. Pure.
import { DEFAULT_PARTITIONS, MOST_PARTITIONS } from "../../shared/telemetry/partition-numbers.ts";
import type { Capacity, Traffic } from "./capacity.ts";

/** A fold has room for 45 million keys of spans and drops them in tables of 76 s, so nine tables have to fit (dedupe.ts). */
const SPANS_A_FOLD_REMEMBERS = 65_000;

export const firstLimits = (
  { spansPerSecond, features }: Traffic,
  { processes, partitions, databases, cores }: Capacity,
): readonly string[] => [
  ...(processes.ingest > 1
    ? [
        `one ingest process works on one core: start ${processes.ingest} (ROLES=ingest) behind a load balancer`,
      ]
    : []),
  ...(processes.fold > 1 ? [`one fold works on one core: start ${processes.fold} (ROLES=fold)`] : []),
  ...(spansPerSecond / processes.fold > SPANS_A_FOLD_REMEMBERS
    ? [
        `a fold process remembers the keys of ${SPANS_A_FOLD_REMEMBERS} spans/s for ten minutes: with more, duplicates that come late are counted twice in the latency`,
      ]
    : []),
  ...(partitions > DEFAULT_PARTITIONS
    ? [
        `the span log has ${DEFAULT_PARTITIONS} partitions: set SPAN_LOG_PARTITIONS=${partitions} before the first start, since it is fixed then`,
      ]
    : []),
  ...(processes.fold > MOST_PARTITIONS
    ? [
        `the span log has at most ${MOST_PARTITIONS} partitions: ${processes.fold} folds need more installations, each with a part of the features`,
      ]
    : []),
  ...(cores.evaluate > 0.5
    ? [
        `${features} features are ${cores.evaluate.toFixed(1)} cores of evaluation: share it among processes by Redis (REDIS_URL)`,
      ]
    : []),
  ...(databases > 1
    ? [
        `one database is not enough: ${databases} with the units and counts shared among them (AGGREGATE_DATABASE_URLS), and the span log on servers of its own (SPAN_LOG_URL)`,
      ]
    : []),
];
