// A decision, with everything needed to understand it later: counts, evidence, bars, and a sentence.
// Stored as JSON in pmf_evaluations.decision and handed to the rollback as its reason. null means "not known", never 0.
import type { Against } from "../../shared/features/rule.ts";
import type { Tally } from "./statistics/tally.ts";

export type SignalName = "activation" | "retention" | "latency" | "errorRate";

/**
 * COLLECTING: too few mature units to say anything. TESTING: looked at, undecided. UNDECIDED: still so after
 * evaluationWindowSeconds. KEEP: just proven good; WATCH: kept, and watched for a later fall. ROLLBACK: latched until a
 * person reopens the feature. INVALID: the data cannot be trusted now.
 */
export type State = "COLLECTING" | "TESTING" | "UNDECIDED" | "KEEP" | "WATCH" | "ROLLBACK" | "INVALID";

export type Action = "KEEP" | "ROLLBACK" | "WAIT";

/** ln evidence and the ln bar that it has to reach. */
export type LogEvidence = { logEvidence: number; logBar: number };

/** One signal held against its threshold, against the holdout or against both, at one age. */
export type TestReport = {
  signal: SignalName;
  against: Against;
  /** Age at which outcomes are counted, in seconds; null for requests. */
  ageSeconds: number | null;
  /** The rule's bound: smallest share of successes, or largest share of bad requests. */
  threshold: number;
  /** Mature units and how many succeeded; for latency and errorRate requests and how many were bad. */
  treatment: Tally;
  holdout: Tally | null;
  /** Exposed but not yet mature treatment units; null for requests. */
  immature: number | null;
  /** Exposed treatment units that never count, because rollout or holdout was lowered while their window was open; null for requests. */
  leftOut: number | null;
  /** treatment.s / treatment.n; null while n is 0. */
  rate: number | null;
  /** ln evidence for a rollback and the ln bar it has to reach; of a comparison with the holdout, over all ages together. */
  logEvidence: number;
  logBar: number;
  /** Against both: the evidence beside the holdout, over all ages together. It has to reach its bar as well. */
  comparison: LogEvidence | null;
  /**
   * Evidence that the holdout cannot succeed at all (the action exists in the feature alone), as long as it never has; null
   * where it has, or is not asked. From its bar on a test against both is one against the threshold.
   */
  onlyTreatment: LogEvidence | null;
  /**
   * Since the feature was kept: ln of the detector and the ln bar at which it alarms, the second pair where both are asked for,
   * and the counts behind it; null before the first batch.
   */
  alarm: (LogEvidence & { comparison: LogEvidence | null; treatment: Tally; holdout: Tally | null }) | null;
  /** Whether there are enough units for this test to count (minCohortSize). */
  counts: boolean;
};

/** Whether a signal is proven to meet its threshold. */
export type KeepReport = { signal: SignalName; logEvidence: number; logBar: number; counts: boolean };

export type Decision = {
  action: Action;
  state: State;
  /** Proven to meet every threshold: true for KEEP only. */
  isValid: boolean;
  /** 0.4 activation + 0.5 retention − 0.1 latency penalty; reported, not decided on. */
  score: number | null;
  details: {
    activation: number | null;
    retention: number | null;
    /** ms, of treatment requests since the trial began */
    p95_latency: number | null;
    error_rate: number | null;
    exposed: { treatment: number; holdout: number };
  };
  evidence: {
    tests: TestReport[];
    keep: KeepReport[];
    /** ln evidence that the cohorts' sizes do not fit the rollout; null where nothing can be compared. */
    sampleRatio: { logEvidence: number; logBar: number } | null;
  };
  /** The signals whose evidence rolled the feature back. */
  cause: SignalName[];
  /** Given while the feature would be decided on, but not without the units of unusual hours. */
  heldBack?: "KEEP" | "ROLLBACK";
  reason: string;
  epoch: number;
  ruleVersion: number;
};
