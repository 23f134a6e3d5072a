// `sluice capacity`: machines, bytes and money for a traffic. Needs no service.
import { defineCommand } from "citty";
import { planCapacity, type Traffic } from "../capacity/capacity.ts";
import { firstLimits } from "../capacity/first-limits.ts";
import { MEASURED } from "../capacity/measured-costs.ts";
import { ARTICLE_COSTS, PRICES } from "../capacity/prices.ts";
import { capacityText } from "./capacity-text.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine } from "./print.ts";

/** More than any site has; a typo of three zeros is not. */
const MOST = 1e12;

const amount = (
  text: string,
  name: string,
  { least, whole = false }: { least: number; whole?: boolean },
): number => {
  const value = Number(text);
  if (text.trim() === "" || !(value >= least && value <= MOST) || (whole && !Number.isInteger(value)))
    throw new UsageError(`--${name} must be a ${whole ? "whole " : ""}number of at least ${least}`);
  return value;
};

const share = (text: string, name: string, { zero }: { zero: boolean }): number => {
  const [, percent] = /^(\d+(?:\.\d+)?)\s?%$/.exec(text) ?? [];
  const value = Number(percent) / 100;
  if (value <= 1 && (zero ? value >= 0 : value > 0)) return value;
  throw new UsageError(
    `--${name} must be a share such as 40%${zero ? "" : " and more than 0%"}, at most 100%`,
  );
};

export const capacityCommand = defineCommand({
  meta: {
    name: "capacity",
    description: "Machines, storage and costs for a traffic, computed from measured costs",
  },
  args: {
    "requests-per-second": {
      type: "string",
      required: true,
      description: "requests of the site in its busiest hour",
    },
    "gated-share": {
      type: "string",
      default: "100%",
      description: "share of requests on which a feature is",
    },
    features: { type: "string", default: "10", description: "features that are open" },
    "spans-per-second": {
      type: "string",
      description: "spans in the busiest hour; left out: one for each gated request",
    },
    "new-units-per-day": {
      type: "string",
      default: "100000",
      description: "people and features that meet for the first time, a day",
    },
    "trial-days": { type: "string", default: "14", description: "days from opening a feature to its end" },
    "raw-share": { type: "string", default: "1%", description: "share of spans kept whole (RAW_SAMPLE_BPS)" },
    "raw-keep-days": {
      type: "string",
      default: "62",
      description: "days for which those are kept (RAW_KEEP_DAYS)",
    },
    regions: { type: "string", default: "3", description: "regions of Cloudflare with visitors" },
    isolates: { type: "string", default: "1000", description: "isolates that are busy all the time" },
    "mean-share": {
      type: "string",
      default: "50%",
      description: "a month's mean traffic, as a share of the busiest hour",
    },
    queue: { type: "boolean", default: false, description: "the edge sends telemetry by way of Queues" },
    json: jsonArgument,
  },
  run: ({ args }) => {
    const requestsPerSecond = amount(args["requests-per-second"], "requests-per-second", { least: 0 });
    const gatedShare = share(args["gated-share"], "gated-share", { zero: true });
    const traffic: Traffic = {
      requestsPerSecond,
      gatedShare,
      features: amount(args.features, "features", { least: 0, whole: true }),
      spansPerSecond:
        args["spans-per-second"] === undefined
          ? requestsPerSecond * gatedShare
          : amount(args["spans-per-second"], "spans-per-second", { least: 0 }),
      newUnitsPerDay: amount(args["new-units-per-day"], "new-units-per-day", { least: 0 }),
      trialDays: amount(args["trial-days"], "trial-days", { least: 0 }),
      rawShare: share(args["raw-share"], "raw-share", { zero: true }),
      rawKeepDays: amount(args["raw-keep-days"], "raw-keep-days", { least: 1 }),
      regions: amount(args.regions, "regions", { least: 1, whole: true }),
      isolates: amount(args.isolates, "isolates", { least: 0 }),
      meanShare: share(args["mean-share"], "mean-share", { zero: false }),
      queue: args.queue,
    };
    const capacity = planCapacity(traffic, MEASURED, PRICES);
    const plan = {
      traffic,
      capacity,
      change: firstLimits(traffic, capacity),
      article: ARTICLE_COSTS,
      costs: MEASURED,
      prices: PRICES,
    };
    if (args.json) printJson(plan);
    else printLine(capacityText(plan));
  },
});
