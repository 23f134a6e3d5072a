// The review of some days as a document: what the API answers, the command line prints and the weekly message says.
import type { Engagement } from "./engagement.ts";
import type { Burn, Prices } from "./burn.ts";

/** Each list has its first hundred; `totals` counts all. */
export const MOST_LISTED = 100;

export type ReviewTerms = {
  /** Unix seconds; the review is of the time from `since` up to `until`. */
  readonly since: number;
  readonly until: number;
  /** An open feature is a zombie, or quiet, only after so many days. */
  readonly openDays: number;
  /** A share of units that engage below this one is a zombie's. */
  readonly engagementBelow: number;
  /** Fewer units than this say nothing of engagement. */
  readonly minUnits: number;
  /** A feature that is decided, or on trial without a decision, for so many days is named. */
  readonly decidedDays: number;
  readonly undecidedDays: number;
  readonly prices: Prices;
};

type Tally = { readonly n: number; readonly s: number };

export type RolledBack = {
  readonly featureId: string;
  readonly owner: string | null;
  readonly at: string;
  readonly actor: string;
  readonly reason: string;
  readonly revision: number;
  /** The tests whose evidence rolled it back; empty where no evidence did. */
  readonly signals: readonly {
    readonly signal: string;
    readonly threshold: number;
    readonly treatment: Tally;
    readonly holdout: Tally | null;
    readonly logEvidence: number | null;
    readonly logBar: number | null;
  }[];
  /** The alert that a hook was sent; null: none was. */
  readonly alert: { readonly hook: string; readonly title: string; readonly link: string | null } | null;
  /** A person has opened it again since. */
  readonly isOpenAgain: boolean;
};

export type Undecided = {
  readonly featureId: string;
  readonly owner: string | null;
  readonly openDays: number;
  /** null: it was not evaluated in this epoch. */
  readonly state: string | null;
  readonly why: string;
  readonly missing: readonly string[];
  readonly rollback: string | null;
  readonly keep: string | null;
  /** Until the sooner of both decisions is to be expected; null: none is in sight. */
  readonly expectedSeconds: number | null;
};

export type Removable = {
  readonly featureId: string;
  readonly owner: string | null;
  readonly cause: "removeAfter" | "kept" | "openForAll";
  readonly why: string;
};

export type Zombie = {
  readonly featureId: string;
  readonly owner: string | null;
  readonly openDays: number;
  readonly engagement: Engagement;
  readonly burn: Burn;
};

export type Quiet = {
  readonly featureId: string;
  readonly owner: string | null;
  readonly openDays: number;
  /** Of those whose window is over. */
  readonly units: number;
  readonly why: string;
};

export type Review = {
  readonly since: string;
  readonly until: string;
  readonly terms: Omit<ReviewTerms, "since" | "until" | "prices">;
  readonly prices: Prices;
  readonly openFeatures: number;
  readonly totals: {
    readonly rolledBack: number;
    readonly undecided: number;
    readonly removable: number;
    readonly zombies: number;
    readonly quiet: number;
  };
  readonly rolledBack: readonly RolledBack[];
  readonly undecided: readonly Undecided[];
  readonly removable: readonly Removable[];
  readonly zombies: readonly Zombie[];
  readonly quiet: readonly Quiet[];
};
