// What spoke against a feature when it was rolled back, from the decision that the audit keeps.
import type { Decision } from "../client.gen.ts";
import { formatCount, formatEvidence, formatRate } from "../format.ts";
import { Rows } from "../parts/rows.tsx";
import { Term } from "../parts/term.tsx";
import { SIGNALS } from "../words.ts";

type Test = Decision["evidence"]["tests"][number];

/** What decided: of a feature that was kept before, its fall since then. */
const decisive = (
  test: Test,
  cause: Decision["cause"],
): Pick<Test, "logEvidence" | "logBar" | "treatment" | "holdout"> =>
  cause.includes(test.signal) && test.alarm !== null ? test.alarm : test;

const counted = (tally: { n: number; s: number } | null): string =>
  tally === null ? "–" : `${formatCount(tally.s)} of ${formatCount(tally.n)}`;

export const EvidenceTable = ({ decision }: { decision: Pick<Decision, "cause" | "evidence"> }) => (
  <>
    <p>
      <Term of="evidence">Evidence</Term> against the feature beside the <Term of="bar">bar</Term> that it had
      to reach, as they were at that moment.
    </p>
    <Rows
      rows={decision.evidence.tests.map((test) => {
        const { logEvidence, logBar, treatment, holdout } = decisive(test, decision.cause);
        const rate = treatment.n === 0 ? null : treatment.s / treatment.n;
        return { ...test, logEvidence, logBar, treatment, holdout, rate };
      })}
      keyOf={({ signal }) => signal}
      empty="No signal was tested."
      columns={[
        {
          name: "Signal",
          cell: ({ signal }) => (
            <>
              {SIGNALS[signal].name}
              {decision.cause.includes(signal) ? <small class="error">reached its bar</small> : null}
            </>
          ),
        },
        { name: "Evidence", cell: ({ logEvidence }) => formatEvidence(logEvidence) },
        { name: "Bar", cell: ({ logBar }) => formatEvidence(logBar) },
        { name: "Rate", cell: ({ rate }) => formatRate(rate) },
        {
          name: "Threshold",
          cell: ({ signal, threshold }) =>
            `${SIGNALS[signal].isGoodWhenHigh ? "at least" : "at most"} ${formatRate(threshold)}`,
        },
        { name: "Treatment", cell: ({ treatment }) => counted(treatment) },
        { name: "Holdout", cell: ({ holdout }) => counted(holdout) },
      ]}
    />
  </>
);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** The decision in an entry's details; null: none closed it. */
export const decisionOf = (details: unknown): Pick<Decision, "cause" | "evidence"> | null => {
  if (!isRecord(details) || !isRecord(details["evidence"])) return null;
  const decision = details["evidence"];
  return isRecord(decision["evidence"]) && Array.isArray(decision["cause"])
    ? // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the origin wrote its own decision there
      (decision as unknown as Pick<Decision, "cause" | "evidence">)
    : null;
};

export type AlertOf = { readonly hook: string; readonly title: string; readonly link: string | null };

/** The alert in an entry's details; null: none closed it. */
export const alertOf = (details: unknown): AlertOf | null => {
  if (!isRecord(details) || !isRecord(details["evidence"])) return null;
  const { alert } = details["evidence"];
  if (!isRecord(alert)) return null;
  const { hook, title, link } = alert;
  const isWeb = typeof link === "string" && /^https?:\/\//.test(link);
  return { hook: String(hook), title: String(title), link: isWeb ? link : null };
};
