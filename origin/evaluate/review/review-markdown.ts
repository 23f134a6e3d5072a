// A review as Markdown: for the weekly message, `sluice review` and a ticket. Pure.
import { capitalise, formatCount, formatDuration, formatRate, formatThreshold } from "../../decide/format.ts";
import type { Burn, Prices } from "./burn.ts";
import type { Review, RolledBack, Undecided, Zombie } from "./review.ts";

const MOST_LINES = 20;

/** What others wrote, as text: no markup, mention or line of it does anything. */
const plain = (text: string): string =>
  text
    .replaceAll(/\s+/g, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/[\\`*_{}[\]()#|~>@!]/g, (sign) => `\\${sign}`);

const code = (text: string): string => `\`${text.replaceAll("`", "'")}\``;

const nameOf = ({ featureId, owner }: { featureId: string; owner: string | null }): string =>
  owner === null ? code(featureId) : `${code(featureId)} (${plain(owner)})`;

const moneyOf = (amount: number, { currency }: Prices): string =>
  amount > 0 && amount < 0.01 ? `less than 0.01 ${currency}` : `${amount.toFixed(2)} ${currency}`;

const section = (title: string, total: number, lines: readonly string[]): string[] => {
  if (total === 0) return [];
  const shown = lines.slice(0, MOST_LINES);
  const left = total - shown.length;
  return [
    `## ${title} (${formatCount(total)})`,
    "",
    ...shown.map((line) => `- ${line}`),
    ...(left > 0 ? [`- and ${formatCount(left)} more`] : []),
    "",
  ];
};

const rolledBackLine = (one: RolledBack): string => {
  const signals = one.signals.map(
    ({ signal, threshold, treatment }) =>
      `${signal} ${formatCount(treatment.s)} of ${formatCount(treatment.n)} against ${formatThreshold(threshold)}`,
  );
  return [
    `${nameOf(one)} at ${one.at.slice(0, 16).replace("T", " ")} UTC by ${plain(one.actor)}: ${plain(one.reason)}`,
    ...(signals.length === 0 ? [] : [`Counts: ${signals.join("; ")}`]),
    ...(one.isOpenAgain ? ["It is open again"] : []),
  ].join(". ");
};

const undecidedLine = (one: Undecided): string => {
  const expected =
    one.expectedSeconds === null
      ? "No decision is in sight"
      : `A decision is to be expected in ${formatDuration(one.expectedSeconds)}`;
  const missing = one.missing.length === 0 ? "" : ` ${one.missing.map(capitalise).map(plain).join(". ")}.`;
  return `${nameOf(one)}, ${one.openDays} days: ${plain(one.why)}${missing} ${expected}.`;
};

const burnText = ({ requests, latency, requestCost, latencyCost }: Burn, prices: Prices): string => {
  const asked =
    requests.value === null ? "requests unknown" : `at least ${formatCount(requests.value)} requests`;
  const slower =
    latency.value === null
      ? `time unknown (${latency.why})`
      : `${latency.value.meanMs.toFixed(1)} ms more than the holdout on average`;
  const cost =
    requestCost.value === null
      ? `cost unknown (${requestCost.why})`
      : `${moneyOf(requestCost.value, prices)} for requests`;
  const waiting =
    latencyCost.value === null
      ? `of its time unknown (${latencyCost.why})`
      : `${moneyOf(latencyCost.value, prices)} for its time`;
  return `${asked}, ${slower}; cost ${cost.replace(/^cost /, "")}, ${waiting}`;
};

const zombieLine = (one: Zombie, prices: Prices): string => {
  const { engagement, burn, openDays } = one;
  const verb = engagement.by === "activation" ? "act" : "come back";
  return `${nameOf(one)}, open ${openDays} days: ${formatRate(engagement.rate)} of ${formatCount(engagement.units)} ${verb} within ${formatDuration(engagement.windowSeconds)} (at most ${formatRate(engagement.atMost)}); ${burnText(burn, prices)}.`;
};

const pricesText = ({ currency, perMillionRequests, perUpstreamHour }: Prices): string => {
  const each = [
    ["a million requests", perMillionRequests],
    ["an hour of the upstream's time", perUpstreamHour],
  ] as const;
  return each
    .map(([what, { value, source }]) =>
      value === null ? `${what}: unknown (${source})` : `${what}: ${value} ${currency} (${source})`,
    )
    .join("; ");
};

export const reviewMarkdown = (review: Review): string => {
  const { totals, terms, prices } = review;
  const nothing = Object.values(totals).every((total) => total === 0);
  return [
    `# Review of ${review.since.slice(0, 10)} to ${review.until.slice(0, 10)}`,
    "",
    `${formatCount(review.openFeatures)} features are open.${nothing ? " Nothing needs a look." : ""}`,
    "",
    ...section("Rolled back", totals.rolledBack, review.rolledBack.map(rolledBackLine)),
    ...section("Without a decision", totals.undecided, review.undecided.map(undecidedLine)),
    ...section(
      "Removable",
      totals.removable,
      review.removable.map((one) => `${nameOf(one)}: ${one.why}.`),
    ),
    ...section(
      "Zombies",
      totals.zombies,
      review.zombies.map((one) => zombieLine(one, prices)),
    ),
    ...section(
      "Too few people to tell",
      totals.quiet,
      review.quiet.map((one) => `${nameOf(one)}, open ${one.openDays} days: ${one.why}.`),
    ),
    ...(totals.zombies === 0
      ? []
      : [
          `A zombie is open for more than ${terms.openDays} days and fewer than ${formatThreshold(terms.engagementBelow)} of at least ${formatCount(terms.minUnits)} people engage with it: they act, or come back where nothing tells that they act. Prices: ${pricesText(prices)}.`,
          "",
        ]),
  ].join("\n");
};
