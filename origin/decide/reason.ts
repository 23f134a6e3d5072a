// The sentence an operator reads: what was seen, against what, how strong the evidence is and how strong it had to be.
import type { Rule } from "../../shared/features/rule.ts";
import type { KeepReport, SignalName, State, TestReport } from "./decision.ts";

/** 1,234,567. (Intl.NumberFormat took a fifth of a check's time.) */
const whole = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");

const percent = (rate: number): string => {
  const value = rate * 100;
  return `${value >= 10 || value === 0 ? value.toFixed(1) : value.toPrecision(2)} %`;
};

/** exp(logOdds) to 1, also where the number itself would overflow. */
export const odds = (logOdds: number): string => {
  if (logOdds === -Infinity) return "0 : 1";
  if (logOdds < Math.log(100_000)) {
    const value = Math.exp(logOdds);
    return `${value >= 100 ? whole(value) : Number(value.toPrecision(2))} : 1`;
  }
  const exponent = Math.floor(logOdds / Math.LN10);
  return `${Math.exp(logOdds - exponent * Math.LN10).toFixed(1)}e${exponent} : 1`;
};

export const titleOf: Record<SignalName, string> = {
  activation: "activation",
  retention: "retention",
  latency: "latency",
  errorRate: "error rate",
};

const units = [
  { size: 86_400, unit: "d" },
  { size: 3_600, unit: "h" },
  { size: 60, unit: "min" },
  { size: 1, unit: "s" },
] as const;

/** The largest unit of which there are at least one: "1 d", "15 min", "8 s". */
export const duration = (seconds: number): string => {
  const { size, unit } = units.find((one) => seconds >= one.size) ?? { size: 1, unit: "s" };
  return `${Number((seconds / size).toFixed(1))} ${unit}`;
};

/** "activation 11.2 % (504 of 4,500 mature; 1,310 not yet mature) against a floor of 15.0 %" */
const seen = (test: TestReport, rule: Rule): string => {
  const { signal, treatment, holdout, immature, rate } = test;
  const share = rate === null ? "unknown" : percent(rate);
  const counted = `${whole(treatment.s)} of ${whole(treatment.n)}`;
  const arm =
    holdout === null
      ? "a holdout of nobody yet"
      : `${percent(holdout.s / holdout.n)} in the holdout (${whole(holdout.s)} of ${whole(holdout.n)})`;
  switch (signal) {
    case "activation":
    case "retention": {
      const age = test.ageSeconds === null ? "" : ` within ${duration(test.ageSeconds)}`;
      const goal = test.against === "holdout" ? arm : `a floor of ${percent(test.threshold)}`;
      return `${titleOf[signal]} ${share}${age} (${counted} mature; ${whole(immature ?? 0)} not yet mature) against ${goal}`;
    }
    case "latency": {
      const goal = test.against === "holdout" ? arm : `at most ${percent(test.threshold)} allowed`;
      return `latency: ${share} of requests slower than ${rule.latencyP95Threshold} ms (${counted}) against ${goal}`;
    }
    case "errorRate": {
      const goal = test.against === "holdout" ? arm : `at most ${percent(test.threshold)} allowed`;
      return `error rate ${share} (${counted} requests) against ${goal}`;
    }
  }
};

const evidenceOf = ({ logEvidence, logBar, alarm, against, ageSeconds }: TestReport): string => {
  if (alarm !== null && logEvidence < logBar && alarm.logEvidence >= alarm.logBar)
    return `It has fallen since it was kept: evidence ${odds(alarm.logEvidence)}, needed ${odds(alarm.logBar)}.`;
  const scope = against === "holdout" && ageSeconds !== null ? " over all ages" : "";
  return `Evidence ${odds(logEvidence)}${scope}, needed ${odds(logBar)}.`;
};

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** How far above its bar the stronger of a test's two kinds of evidence is. */
const lead = ({ logEvidence, logBar, alarm }: TestReport): number =>
  Math.max(logEvidence - logBar, alarm === null ? -Infinity : alarm.logEvidence - alarm.logBar);

/**
 * Among those with enough units, if there are any. Of equally strong ones the last: the ages of a comparison share their
 * evidence, and the oldest shows most of it.
 */
const strongest = (tests: readonly TestReport[]): TestReport | undefined => {
  const counted = tests.filter(({ counts }) => counts);
  return (counted.length > 0 ? counted : tests).toSorted((one, other) => lead(one) - lead(other)).at(-1);
};

const rollbackReason = (
  tests: readonly TestReport[],
  cause: readonly SignalName[],
  obstacle: string | null,
  rule: Rule,
): string => {
  const causes = cause.flatMap((signal) => strongest(tests.filter((test) => test.signal === signal)) ?? []);
  if (causes.length === 0) return `ROLLBACK: ${obstacle ?? "decided earlier in this trial"}.`;
  const innocent = [...new Set(tests.map(({ signal }) => signal))].filter(
    (signal) => !cause.includes(signal),
  );
  const others =
    innocent.length === 0
      ? ""
      : ` ${capital(list(innocent.map((signal) => titleOf[signal])))} ${innocent.length === 1 ? "is" : "are"} not the cause.`;
  return `ROLLBACK: ${causes.map((test) => `${seen(test, rule)}. ${evidenceOf(test)}`).join(" ")} Chance of rolling back a feature that meets its thresholds, over its whole life: at most ${percent(rule.falseRollbackRate)}.${others}`;
};

const keepReason = (tests: readonly TestReport[], keep: readonly KeepReport[], rule: Rule): string => {
  const proofs = keep.map((proof) => {
    const test = tests.findLast(({ signal }) => signal === proof.signal);
    return test === undefined ? "" : `${seen(test, rule)}, evidence ${odds(proof.logEvidence)}`;
  });
  return `${capital(proofs.join("; "))}. Needed for each: ${odds(keep[0]?.logBar ?? 0)}.`;
};

export const reasonOf = (found: {
  state: State;
  tests: readonly TestReport[];
  keep: readonly KeepReport[];
  cause: readonly SignalName[];
  /** What stands in the way of a decision, if anything does. */
  obstacle: string | null;
  rule: Rule;
}): string => {
  const { state, tests, keep, cause, obstacle, rule } = found;
  const nearest = strongest(tests);
  const also = obstacle === null ? "" : ` ${capital(obstacle)}.`;
  switch (state) {
    case "ROLLBACK":
      return rollbackReason(tests, cause, obstacle, rule);
    case "KEEP":
      return `KEEP: ${keepReason(tests, keep, rule)}`;
    case "WATCH":
      return `WATCH: kept, and watched for a later fall. ${keepReason(tests, keep, rule)}`;
    case "INVALID":
      return `INVALID:${also}`;
    case "COLLECTING": {
      const most = Math.max(
        0,
        ...tests.map(({ treatment, ageSeconds }) => (ageSeconds === null ? 0 : treatment.n)),
      );
      return `COLLECTING: ${whole(most)} of ${whole(rule.minCohortSize)} mature units.${also}`;
    }
    case "TESTING":
    case "UNDECIDED": {
      const missing = keep.filter(({ counts, logEvidence, logBar }) => !counts || logEvidence < logBar);
      const proof = `Not yet proven good: ${list(missing.map(({ signal }) => titleOf[signal]))}.`;
      const against =
        nearest === undefined ? "" : `Nearest to a rollback: ${seen(nearest, rule)}. ${evidenceOf(nearest)} `;
      return `${state}: ${against}${proof}${also}`;
    }
  }
};
