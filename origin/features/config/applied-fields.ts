// A feature as a configuration file has it: the form that is planned, and kept to tell drift from edits of the file.
import { z } from "zod";
import type { Rule } from "../../../shared/features/rule.ts";
import type { FeatureId, SegmentId } from "../../../shared/ids.ts";
import type { WrittenCondition } from "../../../shared/features/written-targeting.ts";
import { newFeature, type FeatureEdit, type NewFeature } from "../new-feature.ts";
import { isSame } from "./same-value.ts";

/**
 * What the file says. `enabled`, `rolloutBps`, `holdoutBps` and `rule` stay as they are where the file does not name them;
 * every other field that is not named has its default.
 */
export const AppliedFields = z.looseObject({
  enabled: z.boolean().optional(),
  /** Opens the feature again if it was rolled back in this epoch. */
  reopenEpoch: z.number().int().optional(),
  rolloutBps: z.number().int().optional(),
  holdoutBps: z.number().int().optional(),
  /** With its defaults, and without the feature's id. */
  rule: z.record(z.string(), z.unknown()).optional(),
});
export type AppliedFields = z.infer<typeof AppliedFields>;

type Given = { readonly [K in keyof FeatureEdit]?: FeatureEdit[K] | undefined };

/** A feature of a file that was read through its schema. */
export type ConfigFeature = Given & {
  readonly featureId: FeatureId;
  readonly file: string;
  readonly enabled?: boolean | undefined;
  readonly reopenEpoch?: number | undefined;
  readonly rule?: Omit<Rule, "featureId"> | undefined;
};

/** Fields that stay as they are where a file does not name them: what is decided while the feature runs. */
const RUNTIME_FIELDS: ReadonlySet<string> = new Set<keyof NewFeature>([
  "enabled",
  "rolloutBps",
  "holdoutBps",
  "rule",
]);

type Behaviour = Omit<FeatureEdit, "rolloutBps" | "holdoutBps">;

/** The fields that a file decides alone: those that it names, and the defaults of all others. */
export const behaviourOf = (featureId: FeatureId, given: Readonly<Record<string, unknown>>): Behaviour => {
  const {
    featureId: _id,
    enabled: _e,
    rolloutBps: _r,
    holdoutBps: _h,
    rule: _rule,
    ...defaults
  } = newFeature({
    featureId,
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field is a given one or the default, of the same type
  return Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, given[name] ?? value]),
  ) as Behaviour;
};

/** What the file named, without what is as it is by default. */
export const appliedOf = ({ featureId, file: _file, ...given }: ConfigFeature): Record<string, unknown> => {
  const defaults: Readonly<Record<string, unknown>> = newFeature({ featureId });
  return Object.fromEntries(
    Object.entries(given).filter(
      ([name, value]) =>
        value !== undefined && (RUNTIME_FIELDS.has(name) || !isSame(name, value, defaults[name])),
    ),
  );
};

export type ConfigSegment = {
  readonly segmentId: SegmentId;
  readonly file: string;
  readonly condition: WrittenCondition;
  readonly description?: string | null | undefined;
};

export type Config = {
  /** Names the set of files, such as a repository. */
  readonly source: string;
  readonly features: readonly ConfigFeature[];
  readonly segments: readonly ConfigSegment[];
  /** What becomes of features and segments that the source owns and that are in no file any more. */
  readonly removed: "delete" | "release";
  /** Takes over features and segments that another source owns. */
  readonly takeOver: boolean;
};
