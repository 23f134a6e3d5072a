// Explains a decision to a person: intervals, the posterior of the pattern, and how much longer it may take. It costs more than
// the evaluation itself, so only decisions that are stored are explained.
import type { Rule } from "../../shared/features/rule.ts";
import type { Decision, KeepReport, TestReport } from "./decision.ts";
import { formatCount } from "./format.ts";
import { betaCdf } from "./statistics/incomplete-beta.ts";
import { liftInterval, rateInterval, type Interval } from "./statistics/interval.ts";
import { smallestReaching, unitsToKeep, unitsToRollback } from "./planning/power.ts";
import { gridLogEvidence } from "./statistics/rate-evidence.ts";
import { complement, type Tally } from "./statistics/tally.ts";

/** Intervals are about one signal at a time. */
const INTERVAL_ALPHA = 0.05;

/** Without a rule's own prior every rate is equally likely beforehand. */
const FLAT = { alpha: 1, beta: 1 };

export type Explanation = {
  readonly signal: TestReport["signal"];
  readonly ageSeconds: number | null;
  /** 95 % interval of the rate that holds at every look; null before the first unit. */
  readonly interval: Interval | null;
  /** Relative difference to the holdout, 95 %, at every look; null without a holdout. */
  readonly lift: Interval | null;
  /** Posterior chance that the rate misses its threshold: for the eye, it does not decide. Null before the first unit. */
  readonly posterior: number | null;
  /** At the rate seen so far, further mature units until a rollback, or until it is proven good; null: not in sight. */
  readonly unitsToRollback: number | null;
  readonly unitsToKeep: number | null;
};

export type ExplainedDecision = Decision & {
  readonly explained: readonly Explanation[];
  /** Requests since the epoch began that were left out because bots sent them. */
  readonly botRequests: number;
};

/** Whether nothing but the evidence against the threshold is missing. */
const isShownBeside = ({ against, comparison }: TestReport): boolean =>
  against !== "holdout" && (comparison === null || comparison.logEvidence >= comparison.logBar);

/** Further requests at the share of bad ones seen so far, until it is proven to be low enough, by the grid of keep-tests.ts; null: never. */
const requestsToKeep = ({ treatment, threshold }: TestReport, { logBar }: KeepReport): number | null => {
  const rate = treatment.s / treatment.n;
  return smallestReaching(
    (more) => gridLogEvidence({ n: treatment.n + more, s: treatment.s + more * rate }, threshold),
    logBar,
  );
};

const explain = (test: TestReport, keep: KeepReport | undefined, rule: Rule): Explanation => {
  const isRate = test.signal === "activation" || test.signal === "retention";
  const { treatment, holdout, signal, ageSeconds } = test;
  const prior = signal === "activation" ? rule.prior : undefined;
  // For requests the success is the request that is not bad.
  const good: Tally = isRate ? treatment : complement(treatment);
  const threshold = isRate ? test.threshold : 1 - test.threshold;
  const rate = good.n === 0 ? null : good.s / good.n;
  const { alpha, beta } = prior ?? FLAT;
  const tightAt = rule.minCohortSize;
  const inSight = rate !== null && test.counts && threshold > 0 && threshold < 1;
  return {
    signal,
    ageSeconds,
    interval: rate === null ? null : rateInterval(treatment, { alpha: INTERVAL_ALPHA, tightAt }),
    lift:
      holdout === null
        ? null
        : liftInterval(treatment, holdout, { alpha: INTERVAL_ALPHA, tightAt: 2 * tightAt }),
    posterior: rate === null ? null : betaCdf(alpha + good.s, beta + good.n - good.s, threshold),
    unitsToRollback:
      inSight && isRate && isShownBeside(test) && test.logEvidence < test.logBar
        ? unitsToRollback({ threshold, logBar: test.logBar, prior }, rate, good)
        : null,
    unitsToKeep:
      inSight && keep !== undefined && keep.logEvidence < keep.logBar
        ? isRate
          ? unitsToKeep({ threshold, logBar: keep.logBar, prior }, rate, good)
          : requestsToKeep(test, keep)
        : null,
  };
};

/** " At the rates seen so far, a rollback takes about 1,900 more mature users." */
const outlook = (explained: readonly Explanation[], decision: Decision): string => {
  if (decision.state !== "TESTING" && decision.state !== "UNDECIDED") return "";
  const rollback = explained.flatMap(({ unitsToRollback: units }) => units ?? []);
  if (rollback.length > 0)
    return ` At the rates seen so far, a rollback takes about ${formatCount(Math.min(...rollback))} more mature users.`;
  const missing = decision.evidence.keep.filter(({ logEvidence, logBar }) => logEvidence < logBar);
  const toKeep = missing.map(
    ({ signal }) => explained.findLast((one) => one.signal === signal)?.unitsToKeep ?? null,
  );
  const known = toKeep.flatMap((units) => units ?? []);
  return known.length > 0 && known.length === missing.length
    ? ` At the rates seen so far, keeping it takes about ${formatCount(Math.max(...known))} more.`
    : "";
};

export const explainDecision = (decision: Decision, rule: Rule, botRequests: number): ExplainedDecision => {
  const { tests, keep } = decision.evidence;
  const explained = tests.map((test) =>
    explain(
      test,
      keep.find(({ signal }) => signal === test.signal),
      rule,
    ),
  );
  const leftOut =
    botRequests === 0
      ? ""
      : ` ${formatCount(botRequests)} ${botRequests === 1 ? "request of a bot is" : "requests of bots are"} left out.`;
  return {
    ...decision,
    explained,
    botRequests,
    reason: `${decision.reason}${outlook(explained, decision)}${leftOut}`,
  };
};
