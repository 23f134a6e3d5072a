import type { Rule, Why } from "../client.gen.ts";
import { formatCount, formatEvidence } from "../format.ts";
import { SIGNALS } from "../words.ts";

const inWords = (logEvidence: number | null, name: string): string => {
  if (logEvidence === null || logEvidence <= 0) return "Nothing speaks for a rollback so far.";
  const odds = Math.exp(Math.min(logEvidence, 30));
  return `The strongest evidence for a rollback is in ${name}: a feature that is good enough gets this far by chance at most once in ${formatCount(Math.max(1, odds))} cases.`;
};

/** How sure Sluice is: the strongest evidence against its bar, and the bound that holds whatever happens. */
export const Certainty = ({ why, rule }: { why: Why; rule: Rule | null }) => {
  const [strongest] = why.signals
    .map(({ signal, rollback, sinceKept }) => ({ signal, ...(sinceKept ?? rollback) }))
    .toSorted((one, other) => other.progress - one.progress);
  if (rule === null) return null;
  return (
    <div>
      <h3>How sure</h3>
      {strongest === undefined ? null : (
        <p>
          {inWords(strongest.logEvidence, SIGNALS[strongest.signal].name)}
          {strongest.logBar === null ? "" : ` It is rolled back at ${formatEvidence(strongest.logBar)}.`}
        </p>
      )}
      <p>
        Over its whole life at most one in {formatCount(1 / (rule.falseRollbackRate ?? 0.0004))} features that
        meet their thresholds is rolled back by chance.
      </p>
    </div>
  );
};
