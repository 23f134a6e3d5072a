import type { Why } from "../client.gen.ts";
import { formatCount, formatRate } from "../format.ts";
import { Term } from "../parts/term.tsx";

/** Below this the sizes are worth a look. They hold decisions back at far smaller values only. */
const UNUSUAL = 0.05;

const formatP = (p: number): string =>
  p < 0.0001 ? "less than 0.0001" : p.toLocaleString(undefined, { maximumSignificantDigits: 2 });

/** Whether the cohorts have the sizes that the rollout gives them, in words, and what to do where they have not. */
export const CohortCheck = ({ ratio }: { ratio: Why["sampleRatio"] }) => {
  if (ratio === null) return null;
  const { expected, observed, treatment, holdout, pValue, isMismatch } = ratio;
  const tone = isMismatch ? "bad" : pValue < UNUSUAL ? "warn" : "good";
  const says = {
    bad: "People of one cohort get lost on the way. Nothing is decided until that is mended: look for a redirect, a cache, a blocker or a crash that keeps the telemetry of one cohort away, then let the evidence start over.",
    warn: "A little unusual, and nothing to do yet: if people get lost on one side, this becomes ever clearer.",
    good: "The cohorts have the sizes that they should have.",
  }[tone];
  return (
    <p class={`notice ${tone}`}>
      <strong>
        <Term of="sampleRatio">Cohort sizes</Term>:
      </strong>{" "}
      {formatRate(observed)} of {formatCount(treatment + holdout)} people are in treatment,{" "}
      {formatRate(expected)} are expected (p = {formatP(pValue)}). {says}
    </p>
  );
};
