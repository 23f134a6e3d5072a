// From traffic to machines, bytes and money. Pure. Assumes that cost grows in proportion, which the measured parts do, and says
// where a single process or database is the ceiling. Called by `sluice capacity`; docs/capacity.md explains each line.
import { MOST_PARTITIONS, PARTITION_COUNTS } from "../../shared/telemetry/partition-numbers.ts";
import type { MeasuredCosts } from "./measured-costs.ts";
import type { Prices, Tariff } from "./prices.ts";

/** Rates are those of the busiest hour. */
export type Traffic = {
  readonly requestsPerSecond: number;
  /** 0 to 1: the share of requests on which a feature is */
  readonly gatedShare: number;
  readonly features: number;
  readonly spansPerSecond: number;
  /** units that meet a feature for the first time, a day */
  readonly newUnitsPerDay: number;
  /** how long an epoch lasts, until the end of which its units are kept, and 35 days more */
  readonly trialDays: number;
  /** 0 to 1: of spans kept whole */
  readonly rawShare: number;
  readonly rawKeepDays: number;
  readonly regions: number;
  /** busy isolates, all over the world */
  readonly isolates: number;
  /** 0 to 1: the mean over a month, of the busiest hour */
  readonly meanShare: number;
  /** whether the edge sends its telemetry by way of Queues */
  readonly queue: boolean;
};

/** What a part may use of what it has: the rest is for the busiest second, a restart and the loss of a neighbour. */
export const USED_SHARE = 0.5;
const MONTH_S = 730 * 3_600;
const DAY_S = 86_400;
const CORES_A_MACHINE = 8;
const CORES_A_DATABASE = 4;
/** Hours of the span log go 15 minutes after their end. */
const LOG_SECONDS = 75 * 60;
/** Units stay this long after their epoch. */
const UNITS_STAY_DAYS = 35;
/** Of one database's disk; 125 MB/s is what common network volumes take. */
const WAL_BYTES_PER_SECOND = 125e6;
/** A Durable Object is billed with 128 MB whatever it uses. */
const OBJECT_GB = 0.128;
/** Spans in a message of the queue, which has at most 128 kB; each is written, read and deleted, by 64 kB. */
const SPANS_A_MESSAGE = 200;
const STATE_BYTES_A_FEATURE = 400;
/** Folds share partitions evenly enough when there are twice as many. */
const PARTITIONS_A_FOLD = 2;

export type Capacity = {
  /** cores that work, in the busiest hour */
  readonly cores: {
    readonly ingest: number;
    readonly fold: number;
    readonly evaluate: number;
    readonly postgres: number;
  };
  readonly processes: { readonly ingest: number; readonly fold: number };
  readonly partitions: number;
  readonly machines: number;
  readonly databases: number;
  /** with one standby each */
  readonly databaseServers: number;
  readonly redisNodes: number;
  /** bytes */
  readonly storage: {
    readonly log: number;
    readonly units: number;
    readonly rawSpans: number;
    readonly redis: number;
  };
  readonly memoryMb: number;
  /** bytes a second in the busiest hour */
  readonly network: { readonly telemetryIn: number; readonly wal: number };
  /** a month */
  readonly cloudflare: {
    readonly requests: number;
    readonly cpuMs: number;
    readonly objectRequests: number;
    readonly objectGbSeconds: number;
    readonly queueOperations: number;
  };
  /** dollars a month */
  readonly costs: {
    readonly postgres: number;
    readonly redis: number;
    readonly compute: number;
    readonly cloudflare: number;
    readonly total: number;
  };
};

const charge = ({ included, perMillion }: Tariff, used: number): number =>
  (Math.max(0, used - included) / 1e6) * perMillion;

/** As many of `size` as `used` needs, when each is to be used by USED_SHARE. */
const countOf = (used: number, size = 1): number => Math.max(1, Math.ceil(used / (size * USED_SHARE)));

export const planCapacity = (traffic: Traffic, costs: MeasuredCosts, prices: Prices): Capacity => {
  const { spansPerSecond, newUnitsPerDay, features, meanShare } = traffic;
  // New units come when visitors do: in the busiest hour as much above the mean as requests.
  const newUnitsPerSecond = newUnitsPerDay / DAY_S / meanShare;
  const cores = {
    ingest: (spansPerSecond * costs.span.ingestCpuUs) / 1e6,
    fold: (spansPerSecond * costs.span.foldCpuUs) / 1e6,
    evaluate: (features * costs.check.cpuMs) / 1e3,
    postgres:
      (spansPerSecond * costs.span.postgresCpuUs + newUnitsPerSecond * costs.unit.postgresCpuUs) / 1e6 +
      (features * costs.check.postgresCpuMs) / 1e3,
  };
  const processes = { ingest: countOf(cores.ingest), fold: countOf(cores.fold) };
  const wal = spansPerSecond * costs.span.walBytes + newUnitsPerSecond * costs.unit.walBytes;
  const databases = Math.max(countOf(cores.postgres, CORES_A_DATABASE), countOf(wal, WAL_BYTES_PER_SECOND));
  const machines = Math.max(2, countOf(cores.ingest + cores.fold + cores.evaluate, CORES_A_MACHINE));
  const databaseServers = databases * 2;
  const redisNodes = machines > 1 ? 2 : 0;

  const requests = traffic.requestsPerSecond * meanShare * MONTH_S;
  const perRequestUs =
    traffic.gatedShare * costs.gatedRequest.cpuUs +
    (1 - traffic.gatedShare) * costs.gatedRequest.passThroughCpuUs;
  const messages = (spansPerSecond * meanShare * MONTH_S) / SPANS_A_MESSAGE;
  const cloudflare = {
    requests,
    cpuMs: (requests * perRequestUs) / 1e3,
    objectRequests: traffic.isolates * costs.isolate.callsPerSecond * MONTH_S,
    // Each region's replica, and the hub.
    objectGbSeconds: (traffic.regions + 1) * OBJECT_GB * MONTH_S,
    queueOperations: traffic.queue ? messages * 3 : 0,
  };
  const price = prices.cloudflare;
  const bill = {
    postgres: databaseServers * prices.databaseServer,
    redis: redisNodes * prices.redisNode,
    compute: machines * prices.machine,
    cloudflare:
      price.planPerMonth +
      charge(price.requests, cloudflare.requests) +
      charge(price.cpuMs, cloudflare.cpuMs) +
      charge(price.objectRequests, cloudflare.objectRequests) +
      charge(price.objectGbSeconds, cloudflare.objectGbSeconds) +
      charge(price.queueOperations, cloudflare.queueOperations),
  };
  return {
    cores,
    processes,
    partitions:
      PARTITION_COUNTS.find((count) => processes.fold === 1 || count >= processes.fold * PARTITIONS_A_FOLD) ??
      MOST_PARTITIONS,
    machines,
    databases,
    databaseServers,
    redisNodes,
    storage: {
      log: spansPerSecond * costs.span.logBytes * LOG_SECONDS,
      units: newUnitsPerDay * costs.unit.bytes * (traffic.trialDays + UNITS_STAY_DAYS),
      rawSpans:
        spansPerSecond * meanShare * DAY_S * traffic.rawKeepDays * traffic.rawShare * costs.rawSpan.bytes,
      redis: features * STATE_BYTES_A_FEATURE,
    },
    memoryMb:
      (processes.ingest + processes.fold) * costs.origin.idleMb + processes.fold * costs.origin.foldMb,
    network: { telemetryIn: spansPerSecond * costs.span.requestBytes, wal },
    cloudflare,
    costs: { ...bill, total: bill.postgres + bill.redis + bill.compute + bill.cloudflare },
  };
};
