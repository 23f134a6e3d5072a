// The plan of `sluice capacity` for a person. Pure.
import type { Capacity, Traffic } from "../capacity/capacity.ts";
import { USED_SHARE } from "../capacity/capacity.ts";
import type { MeasuredCosts } from "../capacity/measured-costs.ts";
import type { ARTICLE_COSTS, Prices } from "../capacity/prices.ts";
import { tableText } from "./print.ts";

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const cores = (value: number): string => `${value < 10 ? value.toFixed(2) : whole.format(value)} cores`;
const processes = (count: number): string => `${count} process${count === 1 ? "" : "es"}`;
const dollars = (value: number): string => `$${whole.format(value)}`;

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
export const bytesText = (bytes: number): string => {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : whole.format(value)} ${UNITS[power]}`;
};

export const capacityText = (plan: {
  traffic: Traffic;
  capacity: Capacity;
  change: readonly string[];
  article: typeof ARTICLE_COSTS;
  costs: MeasuredCosts;
  prices: Prices;
}): string => {
  const { traffic, capacity, change, article, costs, prices } = plan;
  const { storage, network, cloudflare, costs: money } = capacity;
  const need = tableText(
    ["WHAT", "BUSIEST HOUR", "TO HAVE"],
    [
      ["ingest", cores(capacity.cores.ingest), processes(capacity.processes.ingest)],
      [
        "fold",
        cores(capacity.cores.fold),
        `${processes(capacity.processes.fold)}, ${capacity.partitions} partitions`,
      ],
      ["evaluate", cores(capacity.cores.evaluate), "in any process"],
      [
        "machines of 8 cores",
        "",
        `${capacity.machines} (${whole.format(capacity.memoryMb)} MB in all processes)`,
      ],
      ["PostgreSQL", cores(capacity.cores.postgres), `${capacity.databases} of 4 cores, each with a standby`],
      [
        "Redis",
        "",
        capacity.redisNodes === 0 ? "none" : `${capacity.redisNodes} nodes, ${bytesText(storage.redis)}`,
      ],
      ["telemetry in", `${bytesText(network.telemetryIn)}/s`, ""],
      ["WAL", `${bytesText(network.wal)}/s`, "to disk and to each standby"],
      ["span log", "", `${bytesText(storage.log)} for 75 minutes`],
      ["units", "", bytesText(storage.units)],
      ["raw spans", "", bytesText(storage.rawSpans)],
    ],
  );
  const bill = tableText(
    ["A MONTH", "SLUICE", `THE ARTICLE, AT ${whole.format(article.spansPerSecond)} SPANS/S`],
    [
      ["PostgreSQL", dollars(money.postgres), dollars(article.postgres)],
      ["Redis", dollars(money.redis), dollars(article.redis)],
      ["compute", dollars(money.compute), dollars(article.compute)],
      ["OTel Collector", "$0", dollars(article.collector)],
      ["Cloudflare", dollars(money.cloudflare), "not in it"],
      ["total", dollars(money.total), dollars(article.total)],
    ],
  );
  return [
    `For ${whole.format(traffic.requestsPerSecond)} requests/s and ${whole.format(traffic.spansPerSecond)} spans/s in the busiest hour, ${traffic.features} features:`,
    "",
    need,
    "",
    `At Cloudflare a month: ${whole.format(cloudflare.requests / 1e6)} million requests, ${whole.format(cloudflare.cpuMs / 1e6)} million CPU ms, ` +
      `${whole.format(cloudflare.objectRequests / 1e6)} million calls of Durable Objects, ${whole.format(cloudflare.objectGbSeconds)} GB-s` +
      (traffic.queue
        ? `, ${whole.format(cloudflare.queueOperations / 1e6)} million operations of Queues.`
        : "."),
    "",
    bill,
    "",
    ...(change.length === 0
      ? ["The defaults will do."]
      : ["To change, in the order in which it would break:", ...change.map((line) => `- ${line}`)]),
    "",
    `Everything is planned to be ${USED_SHARE * 100} % used. Costs of a span measured ${costs.measured.date}: ${costs.measured.how}. ` +
      `Prices: ${prices.source}.`,
  ].join("\n");
};
