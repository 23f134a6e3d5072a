// The result of a calibration: a signal's thresholds replayed on the observed data, and the conclusion from them.
import type { FeatureId } from "../../../shared/ids.ts";
import type { Against, Rule } from "../../../shared/features/rule.ts";
import type { SignalName } from "../decision.ts";
import type { Tally } from "../statistics/tally.ts";
import type { Replay } from "./replay.ts";
import { isSufficient, type Sufficiency } from "./sufficiency.ts";

export type SignalCalibration = {
  readonly signal: SignalName;
  readonly against: Against;
  /** Mature treatment units and how many succeeded; for latency and errorRate requests and how many were bad. */
  readonly seen: Tally;
  /** The data that are there, and how many it takes before they say anything. */
  readonly sufficiency: Sufficiency;
  /** Whether the data say anything: enough of them, or a decision at the present threshold. */
  readonly isConclusive: boolean;
  readonly current: Replay;
  /** Thresholds in rising order: rates, for latency ms. */
  readonly replays: readonly Replay[];
  /** The strictest of the replayed thresholds at which nothing would have been rolled back; null: all would, or the data say nothing. */
  readonly strictestQuiet: number | null;
};

export type Calibration = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly ruleVersion: number;
  readonly mode: Rule["mode"];
  readonly signals: readonly SignalCalibration[];
};

/** A higher threshold is stricter about outcomes, a lower one about requests. */
export const concludeCalibration = (
  found: Omit<SignalCalibration, "isConclusive" | "strictestQuiet">,
): SignalCalibration => {
  const { signal, sufficiency, current, replays } = found;
  const isDecided = current.rolledBack !== null || current.kept !== null;
  const isConclusive = isDecided || (current.mostLogEvidence !== null && isSufficient(sufficiency));
  const quiet = replays.filter(({ rolledBack }) => rolledBack === null);
  const strictest = signal === "activation" || signal === "retention" ? quiet.at(-1) : quiet[0];
  return { ...found, isConclusive, strictestQuiet: isConclusive ? (strictest?.threshold ?? null) : null };
};
