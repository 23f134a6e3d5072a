// The decision that is in sight for a feature, in few words: which one, when, and how many people it takes.
import type { ListedFeature } from "../client.gen.ts";
import { formatCount, formatDuration } from "../format.ts";
import { withoutState } from "../words.ts";

const share = new Intl.NumberFormat(undefined, { style: "percent" });

/** The decision in one sentence, without the word that the row has already. */
export const sentenceOf = ({
  enabled,
  rolledBackAt,
  rollbackReason,
  verdict,
  mode,
}: ListedFeature): string => {
  if (rolledBackAt !== null) return withoutState(rollbackReason ?? "");
  if (!enabled) return "A person opens it.";
  if (verdict === null) return mode === null ? "It has no rule." : "";
  return withoutState(verdict.sentence);
};

export const inSightOf = ({ enabled, verdict, standing }: ListedFeature): string => {
  if (!enabled || verdict === null || standing === null) return "";
  if (verdict.state === "KEEP" || verdict.state === "WATCH")
    return `${share.format(standing.nearness ?? 0)} of the way to an alarm`;
  const paths = [
    { name: "Rollback", expected: standing.rollback?.expected ?? null },
    { name: "Kept", expected: standing.keep?.expected ?? null },
  ];
  const [soonest] = paths
    .flatMap(({ name, expected }) => (expected === null ? [] : [{ name, ...expected }]))
    .toSorted((a, b) => (a.seconds ?? Infinity) - (b.seconds ?? Infinity) || a.more - b.more);
  if (soonest === undefined) return `${share.format(standing.nearness ?? 0)} of the way`;
  const people = `${formatCount(soonest.more)} more ${soonest.of === "units" ? "people" : "requests"}`;
  return soonest.seconds === null
    ? `${soonest.name} after ${people}`
    : `${soonest.name} in about ${formatDuration(soonest.seconds)}, ${people}`;
};
