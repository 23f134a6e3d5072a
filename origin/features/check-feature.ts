// What must hold of a feature after a change. Each check returns the error, or undefined where it finds none.
import type { FeatureState } from "../../shared/features/feature.ts";
import { Bps, type FeatureId } from "../../shared/ids.ts";
import { Rule } from "../../shared/features/rule.ts";
import { err, type Err } from "../../shared/result.ts";
import type { ChangeError } from "./change-error.ts";
import { dependentsOf, type RelatedFeature, type RelatedFeatures } from "./related-features.ts";

export const invalid = (field: string, reason: string): Err<ChangeError> =>
  err({ reason: "invalid", errors: [{ field, reason }] });

/** The holdout is in the way of the rollout. It is given up only when the request says so. */
const holdoutInTheWay = (holdoutBps: number): string =>
  `the holdout of ${holdoutBps} bps (${holdoutBps / 100} %) leaves at most ${10_000 - holdoutBps}; ` +
  "name holdoutBps in the same request to change it too (with 0 nobody is left to compare with)";

/** `holdoutIsNamed`: the request itself says how large the holdout is. */
export const checkShares = (
  { rolloutBps, holdoutBps }: { rolloutBps: number; holdoutBps: number },
  holdoutIsNamed: boolean,
): Err<ChangeError> | undefined => {
  for (const [field, bps] of Object.entries({ rolloutBps, holdoutBps })) {
    const [issue] = Bps.safeParse(bps).error?.issues ?? [];
    if (issue !== undefined) return invalid(field, issue.message);
  }
  if (rolloutBps + holdoutBps <= 10_000) return undefined;
  return holdoutIsNamed
    ? invalid("holdoutBps", "rolloutBps + holdoutBps must be at most 10000")
    : invalid("rolloutBps", holdoutInTheWay(holdoutBps));
};

const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/;

/** With dots that are encoded, or made by what the path says of parts. */
const hasDotSegment = (path: string): boolean => DOT_SEGMENT.test(path.replaceAll(/%2e/gi, "."));

/**
 * A gate that answers by itself must say where: without routes it would close the whole site. A path that it names says
 * itself which folder it is in.
 */
export const checkGate = ({
  gate,
  routes,
}: Pick<FeatureState, "gate" | "routes">): Err<ChangeError> | undefined => {
  if (gate?.whenClosed !== undefined && routes.length === 0)
    return invalid("gate.whenClosed", "needs routes");
  if (gate?.path !== undefined && hasDotSegment(gate.path))
    return invalid("gate.path", "must not have . or .. as a segment");
  return undefined;
};

/** While a feature is open its units are being counted: others in their place would be counted with them. */
export const checkUnit = (
  { unit, enabled }: Pick<FeatureState, "unit" | "enabled">,
  edited: FeatureState["unit"] | undefined,
): Err<ChangeError> | undefined =>
  enabled && edited !== undefined && edited !== unit
    ? invalid(
        "unit",
        `is ${unit} while the feature is open: close the feature first, and enable it after the edit`,
      )
    : undefined;

/** A signal that the rule asks by name to compare with the holdout. */
const comparedSignal = ({ compare }: Rule): string | undefined =>
  Object.entries(compare).find(([, arm]) => arm === "holdout" || arm === "both")?.[0];

const lastStageOf = ({ ramp }: Rule): number => ramp?.stagesBps.at(-1) ?? 0;

/** A rule that no feature could ever meet, that asks for a comparison with nobody, or whose ramp has no room. */
export const checkRule = (
  rule: Rule,
  { holdoutBps }: { holdoutBps: number },
): Err<ChangeError> | undefined => {
  const { retentionThreshold, returnAfterSeconds, retentionWindowSeconds } = rule;
  if (retentionThreshold > 0 && returnAfterSeconds >= retentionWindowSeconds)
    return invalid(
      "returnAfterSeconds",
      `is ${returnAfterSeconds} and must be below retentionWindowSeconds (${retentionWindowSeconds}): otherwise no unit could return in time`,
    );
  const { activationThreshold, errorRateThreshold } = rule;
  if (activationThreshold === 0 && retentionThreshold === 0 && errorRateThreshold === 0)
    return invalid(
      "errorRateThreshold",
      "is 0 and so are activationThreshold and retentionThreshold: nothing is asked of the feature but that no request ever fails",
    );
  const compared = comparedSignal(rule);
  if (compared !== undefined && holdoutBps === 0)
    return invalid(
      `compare.${compared}`,
      "asks for the holdout, and the feature has none: set its holdoutBps first",
    );
  const lastStageBps = lastStageOf(rule);
  if (lastStageBps + holdoutBps > 10_000)
    return invalid(
      "ramp.stagesBps",
      `ends at ${lastStageBps}, and the holdout of ${holdoutBps} bps leaves at most ${10_000 - holdoutBps}`,
    );
  return undefined;
};

/**
 * A change of the holdout, or an opening, under the rule that the feature has: the rule must not be left without the holdout that
 * it compares with, nor its ramp without room. Other changes pass, also those of a feature that has lost its holdout already.
 */
export const checkHoldout = (
  { state, rule: stored }: Pick<RelatedFeature, "state" | "rule">,
  { holdoutBps, enabled }: Pick<FeatureState, "holdoutBps" | "enabled">,
): Err<ChangeError> | undefined => {
  if (holdoutBps === state.holdoutBps && enabled === state.enabled) return undefined;
  const rule = Rule.safeParse(stored).data;
  if (rule === undefined) return undefined;
  const compared = comparedSignal(rule);
  if (compared !== undefined && holdoutBps === 0)
    return invalid(
      "holdoutBps",
      `is 0, and compare.${compared} of the rule asks for the holdout: there would be nobody to compare with, and nothing could be decided. Keep a holdout, or set the rule first, with compare.${compared} "threshold" or without it`,
    );
  const lastStageBps = lastStageOf(rule);
  return lastStageBps + holdoutBps > 10_000
    ? invalid(
        "holdoutBps",
        `is ${holdoutBps}, and the ramp of the rule ends at ${lastStageBps}: together more than 10000. Set a holdout of at most ${10_000 - lastStageBps}, or set the rule first, with another ramp.stagesBps`,
      )
    : undefined;
};

export const checkRequirements = (
  related: RelatedFeatures,
  featureId: FeatureId,
  next: { requires: readonly FeatureId[]; enabled: boolean },
): Err<ChangeError> | undefined => {
  const missing = next.requires.filter((id) => !related.has(id));
  if (missing.length > 0) return invalid("requires", `no such feature: ${missing.join(", ")}`);
  const dependents = new Set(dependentsOf(related, [featureId]).map((record) => record.state.featureId));
  const circular = next.requires.filter((id) => id === featureId || dependents.has(id));
  if (circular.length > 0) return invalid("requires", `requires ${featureId} itself: ${circular.join(", ")}`);
  const open = new Set(
    [...related.values()].filter(({ state }) => state.enabled).map(({ state }) => state.featureId),
  );
  const closed = next.requires.filter((id) => !open.has(id));
  return next.enabled && closed.length > 0
    ? err({ reason: "requirementClosed", featureIds: closed })
    : undefined;
};
