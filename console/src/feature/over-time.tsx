// The charts of the present trial, which are loaded when they are needed, and what happened meanwhile.
import { lazy } from "preact-iso";
import { useMemo } from "preact/hooks";
import { getLatency, listAnnotations, listAudit, listEvaluations, type Why } from "../client.gen.ts";
import { marksOf, type Mark } from "../charts/marks.ts";
import { Loaded } from "../parts/page.tsx";
import { useResource } from "../resource.ts";
import { isAbout } from "./is-about.ts";

const EvidenceCharts = lazy(() => import("../charts/evidence-charts.tsx"));

const NO_MARKS: readonly Mark[] = [];

/** The value of before while `key` is the same: charts are drawn anew for new data only. */
const useKept = <T,>(key: string, make: () => T): T => useMemo(make, [key]);

export const OverTime = ({ featureId, why }: { featureId: string; why: Why }) => {
  // Far larger than the rest, and there is a new one only when something has changed.
  const history = useResource(
    `evaluations ${featureId}`,
    async () => {
      const [{ evaluations }, latency] = await Promise.all([
        listEvaluations(featureId, { limit: 500 }),
        getLatency(featureId),
      ]);
      return { evaluations, latency };
    },
    { changes: isAbout(featureId), everyMs: 300_000 },
  );
  const marks = useResource(
    `marks ${featureId}`,
    async () => {
      const [{ entries }, { annotations }] = await Promise.all([
        listAudit({ featureId, limit: 200 }),
        listAnnotations({ featureId, limit: 200 }),
      ]);
      return marksOf(entries, annotations);
    },
    { changes: isAbout(featureId) },
  );
  const all = history.data?.evaluations ?? [];
  const evaluations = useKept(`${featureId} ${why.epoch} ${all.length} ${all[0]?.id}`, () =>
    all.filter(({ epoch }) => epoch === why.epoch),
  );
  const since = evaluations.at(-1)?.at ?? null;
  const found = marks.data ?? NO_MARKS;
  const shown = useKept(`${since} ${found.length} ${found.at(-1)?.at}`, () =>
    since === null ? found : found.filter(({ at }) => Date.parse(at) >= Date.parse(since) - 3_600_000),
  );
  return (
    <section aria-labelledby="over-time">
      <h2 id="over-time">Over time</h2>
      <Loaded from={history}>
        {({ latency }) => (
          <EvidenceCharts
            evaluations={evaluations}
            latency={latency}
            marks={shown}
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
