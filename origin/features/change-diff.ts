// What a prepared change does to each field, for a person who is asked to approve it. Pure.
import type { FeatureId } from "../../shared/ids.ts";
import type { FeatureChange, NextState } from "./commit-change.ts";
import { nextState } from "./prepare-change.ts";
import type { RelatedFeatures } from "./related-features.ts";

export type FieldDiff = {
  readonly featureId: FeatureId;
  /** `feature` where it comes or goes as a whole, `trial` where its evidence starts over, `ramp` where that is held or let go on. */
  readonly field: string;
  /** null: it was not there. */
  readonly from: unknown;
  readonly to: unknown;
};

/** Fields that the service keeps itself. */
const KEPT = new Set([
  "epoch",
  "rolloutBeforeBps",
  "rollbackReason",
  "latched",
  "writtenTargeting",
  "segments",
]);

/** A person reads the names of segments, and not what they stand for. */
const written = ({ targeting, writtenTargeting }: NextState) => ({
  targeting: writtenTargeting ?? targeting,
});

const fieldsOf = (state: NextState, rule: unknown): Map<string, unknown> =>
  new Map(
    Object.entries({ ...state, ...written(state), rule: rule ?? null }).filter(([field]) => !KEPT.has(field)),
  );

const isSame = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);

/** One text for one value, whatever the order of its fields. Undefined fields are left out. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? "null";

const RAMP = {
  paused: { from: "goes on", to: "paused" },
  goesOn: { from: "paused", to: "goes on" },
} as const;

const diffOfOne = (
  related: RelatedFeatures,
  { featureId, next, rule, restartsTrial, pausesRamp }: FeatureChange,
): FieldDiff[] => {
  const before = related.get(featureId);
  if (next === null)
    return [{ featureId, field: "feature", from: before === undefined ? null : nextState(before), to: null }];
  const had = before === undefined ? null : fieldsOf(nextState(before), before.rule);
  const gets = fieldsOf(next, rule ?? before?.rule);
  if (had === null) return [{ featureId, field: "feature", from: null, to: Object.fromEntries(gets) }];
  const fields = [...gets].filter(([field, to]) => !isSame(had.get(field), to));
  return [
    ...fields.map(([field, to]) => ({ featureId, field, from: had.get(field) ?? null, to })),
    ...(restartsTrial === true ? [{ featureId, field: "trial", from: "running", to: "starts over" }] : []),
    ...(pausesRamp === undefined
      ? []
      : [{ featureId, field: "ramp", ...RAMP[pausesRamp ? "paused" : "goesOn"] }]),
  ];
};

export const diffOf = (related: RelatedFeatures, changes: readonly FeatureChange[]): FieldDiff[] =>
  changes.flatMap((change) => diffOfOne(related, change));

/** The change with its diff in the audit: a row tells what was before it, without the rows before. */
export const withDiff = (
  related: RelatedFeatures,
  change: FeatureChange,
  details: Readonly<Record<string, unknown>> = {},
): FeatureChange => {
  const diff = diffOfOne(related, change).map(({ field, from, to }) => ({ field, from, to }));
  return { ...change, details: { ...change.details, ...details, diff } };
};
