// The charts of the present trial, which are loaded when they are needed.
import { lazy } from "preact-iso";
import { listEvaluations, type Why } from "../client.gen.ts";
import { Loaded } from "../parts/page.tsx";
import { useResource } from "../resource.ts";
import { isAbout } from "./is-about.ts";

const EvidenceCharts = lazy(() => import("../charts/evidence-charts.tsx"));

export const OverTime = ({ featureId, why }: { featureId: string; why: Why }) => {
  // Far larger than the rest, and there is a new one only when something has changed.
  const history = useResource(
    `evaluations ${featureId}`,
    async () => (await listEvaluations(featureId, { limit: 500 })).evaluations,
    { changes: isAbout(featureId), everyMs: 300_000 },
  );
  return (
    <section aria-labelledby="over-time">
      <h2 id="over-time">Over time</h2>
      <Loaded from={history}>
        {(evaluations) => (
          <EvidenceCharts
            evaluations={evaluations.filter(({ epoch }) => epoch === why.epoch)}
            signals={why.signals.map(({ signal }) => signal)}
            first={
              why.signals.toSorted((one, other) => other.rollback.progress - one.rollback.progress)[0]?.signal
            }
          />
        )}
      </Loaded>
    </section>
  );
};
