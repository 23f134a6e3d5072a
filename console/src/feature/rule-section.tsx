import { lazy } from "preact-iso";
import type { Feature, Why } from "../client.gen.ts";

const RuleSummary = lazy(() => import("../parts/rule-summary.tsx"));

export const RuleSection = ({ feature, why, done }: { feature: Feature; why: Why; done: () => void }) => (
  <section aria-labelledby="rule">
    <h2 id="rule">Rule</h2>
    <RuleSummary feature={feature} why={why} done={done} />
  </section>
);
