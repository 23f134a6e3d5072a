// CPU time of one evaluation without the database: accumulate one mature bucket in every part of the evidence, decide, say why.
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { decide } from "../../origin/decide/decide.ts";
import { emptyEvidence, type Evidence } from "../../origin/decide/evidence.ts";
import { accumulateExposures } from "../../origin/decide/accumulate-exposures.ts";
import { accumulateOutcomes } from "../../origin/decide/accumulate-outcomes.ts";
import { accumulateTraffic } from "../../origin/decide/accumulate-requests.ts";
import { ruleFor } from "./rules.ts";

const ROUNDS = 9;
const EVALUATIONS = 4_000;

type State = { evidence: Evidence; readonly evaluate: () => void };

const makeEvaluation = (): State => {
  const rule = ruleFor({
    activationThreshold: 0.15,
    retentionThreshold: 0.4,
    minCohortSize: 5_000,
    compare: { activation: "holdout", retention: "holdout", latency: "holdout" },
  });
  const ages = agesOf(rule);
  const rollout = { rolloutBps: 5000, holdoutBps: 5000 };
  const terms = { threshold: 0.15, against: "holdout", isKept: false } as const;
  const state: State = {
    evidence: emptyEvidence(ages, 0, rollout),
    evaluate: () => {
      const { evidence } = state;
      const bucketS = evidence.exposed.accumulatedTo;
      const upTo = bucketS + ages.bucketSeconds;
      const outcome = { bucketS, treatment: { n: 100, s: 15 }, holdout: { n: 100, s: 15 } };
      const requests = { treatment: { n: 500, s: 10 }, holdout: { n: 500, s: 10 } };
      const traffic = [{ bucketS, latency: requests, errors: requests }];
      state.evidence = {
        ...evidence,
        ...accumulateExposures(evidence, [outcome], upTo, { rollout, now: 0 }),
        activation: evidence.activation.map((part) => accumulateOutcomes(part, [outcome], upTo, terms)),
        retention: evidence.retention.map((part) => accumulateOutcomes(part, [outcome], upTo, terms)),
        traffic: accumulateTraffic(evidence.traffic, traffic, upTo, { rule, isKept: false }),
      };
      decide({
        evidence: state.evidence,
        rule,
        history: { epoch: 1, ruleVersion: 1, decided: null, cause: [] },
        telemetry: { lagSeconds: 0, activationIsMeasured: true },
        now: 0,
      });
    },
  };
  return state;
};

/** Seconds of CPU, user and system, of each of some rounds; a round is slower when other work shares the processor. */
export const secondsOfOneEvaluation = (): number[] => {
  const { evaluate } = makeEvaluation();
  for (let warm = 0; warm < 5 * EVALUATIONS; warm++) evaluate();
  return Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    for (let done = 0; done < EVALUATIONS; done++) evaluate();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6 / EVALUATIONS;
  });
};
