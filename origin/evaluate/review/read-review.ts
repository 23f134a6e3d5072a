// The review of some days: what was rolled back, what never decides, what is removable, and what nobody uses. A long read: it runs where
// history is read, and each of its parts is bounded.
import type { Queryable } from "../../db/pool.ts";
import { formatCount } from "../../decide/format.ts";
import type { AggregatePart } from "../aggregates.ts";
import { burnOf, latencyDifference } from "./burn.ts";
import { engagementOf, judgeEngagement, type Engagement } from "./engagement.ts";
import { readBurns } from "./read-burn.ts";
import { readOpenFeatures, type OpenFeature } from "./read-open-features.ts";
import { readRolledBack } from "./read-rolled-back.ts";
import { readOutlooks, readStates, type ShortVerdict } from "./read-verdicts.ts";
import {
  MOST_LISTED,
  type Quiet,
  type Review,
  type ReviewTerms,
  type Removable,
  type Undecided,
  type Zombie,
} from "./review.ts";

const DAY_S = 86_400;
/** Zombies whose requests are summed: a busy one has some thousand rows a week. */
const MOST_BURNS = 20;

const isoOf = (seconds: number): string => new Date(seconds * 1_000).toISOString();
const dayOf = (seconds: number): string => isoOf(seconds).slice(0, 10);
const daysBetween = (from: number, to: number): number => Math.max(0, Math.floor((to - from) / DAY_S));

const removableCause = (
  feature: OpenFeature,
  verdict: ShortVerdict | undefined,
  { until, decidedDays }: ReviewTerms,
): Pick<Removable, "cause" | "why"> | null => {
  const { removeAfter, rolloutBps, hasRule, changedAtS } = feature;
  if (removeAfter !== null && removeAfter < dayOf(until))
    return { cause: "removeAfter", why: `it was to be removed after ${removeAfter}` };
  if (rolloutBps < 10_000) return null;
  const keptAt = verdict?.keptAtS ?? null;
  if (keptAt !== null && until - keptAt >= decidedDays * DAY_S)
    return {
      cause: "kept",
      why: `it is open for everybody and was kept ${daysBetween(keptAt, until)} days ago: its code can lose the gate`,
    };
  if (!hasRule && until - changedAtS >= decidedDays * DAY_S)
    return {
      cause: "openForAll",
      why: `it is open for everybody, has no rule, and was not changed for ${daysBetween(changedAtS, until)} days`,
    };
  return null;
};

const IS_UNDECIDED: ReadonlySet<string> = new Set(["COLLECTING", "TESTING", "UNDECIDED", "INVALID"]);

/** On trial for long; or its evaluation window is over, whenever it began. */
const isUndecided = (
  { hasRule, openedAtS }: OpenFeature,
  verdict: ShortVerdict | undefined,
  { until, undecidedDays }: ReviewTerms,
): boolean => {
  if (!hasRule) return false;
  const isLong = until - openedAtS >= undecidedDays * DAY_S;
  const state = verdict?.state ?? null;
  return state === "UNDECIDED" || (isLong && (state === null || IS_UNDECIDED.has(state)));
};

const engagementOfFeature = (feature: OpenFeature): Engagement | null =>
  engagementOf({
    activation: { n: feature.activationUnits, s: feature.activated },
    returns: { n: feature.returnUnits, s: feature.returned },
    activationIsKnown: feature.hasActivation || feature.activated > 0,
    activationWindowSeconds: feature.activationWindowS ?? DAY_S,
    returnWindowSeconds: feature.returnWindowS ?? 7 * DAY_S,
  });

const quietReason = (units: number, isCut: boolean, minUnits: number): string => {
  if (units === 0) return "nobody whose window is over met it";
  const met = formatCount(units);
  return isCut
    ? `the review looked at its newest ${met} people whose window is over, and there are more: ask again with minUnits ${met} or less`
    : `${met} people met it whose window is over, and fewer than ${formatCount(minUnits)} say nothing of engagement`;
};

const quietOf = (feature: OpenFeature, units: number, { until, minUnits }: ReviewTerms): Quiet => ({
  featureId: feature.featureId,
  owner: feature.owner,
  openDays: daysBetween(feature.openedAtS, until),
  units,
  why: quietReason(units, feature.isCut, minUnits),
});

export const readReview = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  terms: ReviewTerms,
): Promise<Review> => {
  const { since, until, prices, ...bounds } = terms;
  const [rolledBack, open, states] = await Promise.all([
    readRolledBack(db, terms),
    readOpenFeatures(db, parts, terms),
    readStates(db),
  ]);

  const removable: Removable[] = [];
  const undecided: OpenFeature[] = [];
  const zombies: { feature: OpenFeature; engagement: Engagement }[] = [];
  const quiet: Quiet[] = [];
  for (const feature of open) {
    const verdict = states.get(feature.featureId);
    const cause = removableCause(feature, verdict, terms);
    if (cause !== null) removable.push({ featureId: feature.featureId, owner: feature.owner, ...cause });
    if (isUndecided(feature, verdict, terms)) undecided.push(feature);
    if (until - feature.openedAtS < terms.openDays * DAY_S || feature.rolloutBps === 0) continue;
    const engagement = engagementOfFeature(feature);
    const judged = judgeEngagement(engagement, terms);
    if (judged === "zombie" && engagement !== null) zombies.push({ feature, engagement });
    if (judged === "tooFew") quiet.push(quietOf(feature, engagement?.units ?? 0, terms));
  }
  zombies.sort((a, b) => b.engagement.units - a.engagement.units);
  undecided.sort((a, b) => a.openedAtS - b.openedAtS);
  const listedZombies = zombies.slice(0, MOST_LISTED);
  const listedUndecided = undecided.slice(0, MOST_LISTED);
  const [burns, outlooks] = await Promise.all([
    readBurns(
      db,
      parts,
      listedZombies.slice(0, MOST_BURNS).map(({ feature }) => feature),
      terms,
    ),
    readOutlooks(
      db,
      parts,
      listedUndecided.map(({ featureId }) => featureId),
      until,
    ),
  ]);

  return {
    since: isoOf(since),
    until: isoOf(until),
    terms: bounds,
    prices,
    openFeatures: open.length,
    totals: {
      rolledBack: rolledBack.total,
      undecided: undecided.length,
      removable: removable.length,
      zombies: zombies.length,
      quiet: quiet.length,
    },
    rolledBack: rolledBack.items,
    undecided: listedUndecided.map(({ featureId, owner, openedAtS }): Undecided => {
      const explained = outlooks.get(featureId);
      const expected = [explained?.outlook.rollback.expected, explained?.outlook.keep.expected].flatMap(
        (path) => path?.seconds ?? [],
      );
      return {
        featureId,
        owner,
        openDays: daysBetween(openedAtS, until),
        state: states.get(featureId)?.state ?? null,
        why:
          explained?.sentence ??
          "it was not evaluated since it was opened: nobody met it, or no telemetry arrives",
        missing: explained?.outlook.missing ?? [],
        rollback: explained?.outlook.rollback.sentence ?? null,
        keep: explained?.outlook.keep.sentence ?? null,
        expectedSeconds: expected.length === 0 ? null : Math.min(...expected),
      };
    }),
    removable: removable.slice(0, MOST_LISTED),
    zombies: listedZombies.map(({ feature, engagement }): Zombie => ({
      featureId: feature.featureId,
      owner: feature.owner,
      openDays: daysBetween(feature.openedAtS, until),
      engagement,
      burn: burns.get(feature.featureId) ?? burnOf(null, latencyDifference(null), prices),
    })),
    quiet: quiet.toSorted((a, b) => b.openDays - a.openDays).slice(0, MOST_LISTED),
  };
};
