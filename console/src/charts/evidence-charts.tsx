// Evidence against its bar, the signal itself, the cohorts and the latencies over the evaluations of the present trial; each with
// its table and as CSV, and with marks where something happened.
import { useMemo, useState } from "preact/hooks";
import type { Evaluation, Latency } from "../client.gen.ts";
import { formatCount, formatOdds, formatRate } from "../format.ts";
import { Time } from "../parts/time.tsx";
import { SIGNALS } from "../words.ts";
import { LatencyChart } from "./latency-chart.tsx";
import type { Mark } from "./marks.ts";
import { Plot } from "./plot.tsx";
import { cohortRows, evidenceRows, rateRows, type SignalName } from "./series.ts";
import { TableView } from "./table-view.tsx";

const rate = (value: number | null): string => formatRate(value);
const power = (value: number | null): string => (value === null ? "–" : formatOdds(value));

type ChartProps = { evaluations: readonly Evaluation[]; signal: SignalName; marks: readonly Mark[] };

const EvidenceChart = ({ evaluations, signal, marks }: ChartProps) => {
  const rows = useMemo(() => evidenceRows(evaluations, signal), [evaluations, signal]);
  const drawn = useMemo(
    () => ({
      times: rows.map(({ at }) => at),
      lines: [
        { name: "for a rollback", values: rows.map((row) => row.rollback), colour: "bad" },
        { name: "its bar", values: rows.map((row) => row.rollbackBar), colour: "bad", dashed: true },
        { name: "for keeping", values: rows.map((row) => row.keep), colour: "good" },
        { name: "its bar", values: rows.map((row) => row.keepBar), colour: "good", dashed: true },
      ],
    }),
    [rows],
  );
  return (
    <figure>
      <figcaption>Evidence against its bar</figcaption>
      <Plot
        label={`Evidence of ${SIGNALS[signal].name} over time`}
        {...drawn}
        marks={marks}
        format={formatOdds}
      />
      <TableView
        name={`evidence-${signal}`}
        rows={rows.toReversed()}
        csv={rows}
        keyOf={({ at }) => at}
        columns={[
          { name: "At", cell: ({ at }) => <Time at={at} /> },
          { name: "For a rollback", cell: (row) => power(row.rollback) },
          { name: "Bar of a rollback", cell: (row) => power(row.rollbackBar) },
          { name: "For keeping", cell: (row) => power(row.keep) },
          { name: "Bar of keeping", cell: (row) => power(row.keepBar) },
        ]}
      />
    </figure>
  );
};

const RATE_BANDS = [[0, 1]] as const;

const RateChart = ({ evaluations, signal, marks }: ChartProps) => {
  const rows = useMemo(() => rateRows(evaluations, signal), [evaluations, signal]);
  const drawn = useMemo(
    () => ({
      times: rows.map(({ at }) => at),
      lines: [
        { name: "at most", values: rows.map((row) => row.upper), colour: "band-edge" },
        { name: "at least", values: rows.map((row) => row.lower), colour: "band-edge" },
        { name: "treatment", values: rows.map((row) => row.rate), colour: "calm" },
        { name: "holdout", values: rows.map((row) => row.holdout), colour: "muted" },
        { name: "threshold", values: rows.map((row) => row.threshold), colour: "bad", dashed: true },
      ],
    }),
    [rows],
  );
  return (
    <figure>
      <figcaption>{SIGNALS[signal].name}, with its interval</figcaption>
      <Plot
        label={`${SIGNALS[signal].name} over time`}
        {...drawn}
        bands={RATE_BANDS}
        marks={marks}
        format={rate}
      />
      <TableView
        name={`rate-${signal}`}
        rows={rows.toReversed()}
        csv={rows}
        keyOf={({ at }) => at}
        columns={[
          { name: "At", cell: ({ at }) => <Time at={at} /> },
          { name: "Treatment", cell: (row) => rate(row.rate) },
          { name: "Interval", cell: (row) => `${rate(row.lower)} to ${rate(row.upper)}` },
          { name: "Holdout", cell: (row) => rate(row.holdout) },
          { name: "Threshold", cell: (row) => rate(row.threshold) },
        ]}
      />
    </figure>
  );
};

const CohortChart = ({ evaluations, marks }: Pick<ChartProps, "evaluations" | "marks">) => {
  const rows = useMemo(() => cohortRows(evaluations), [evaluations]);
  const drawn = useMemo(
    () => ({
      times: rows.map(({ at }) => at),
      lines: [
        { name: "treatment", values: rows.map((row) => row.treatment), colour: "calm" },
        { name: "holdout", values: rows.map((row) => row.holdout), colour: "muted" },
      ],
    }),
    [rows],
  );
  return (
    <figure>
      <figcaption>People who met it</figcaption>
      <Plot label="Cohort sizes over time" {...drawn} marks={marks} format={formatCount} />
      <TableView
        name="cohorts"
        rows={rows.toReversed()}
        csv={rows}
        keyOf={({ at }) => at}
        columns={[
          { name: "At", cell: ({ at }) => <Time at={at} /> },
          { name: "Treatment", cell: (row) => formatCount(row.treatment) },
          { name: "Holdout", cell: (row) => formatCount(row.holdout) },
        ]}
      />
    </figure>
  );
};

const Marks = ({ marks }: { marks: readonly Mark[] }) =>
  marks.length === 0 ? null : (
    <div class="marks">
      <h3>What happened meanwhile</h3>
      <p class="key">
        The dotted lines of the charts. A pipeline marks its deploys by the API (annotations).
      </p>
      <TableView
        name="what-happened"
        rows={marks.toReversed()}
        csv={marks.map(({ at, title, by }) => ({ at, title, by }))}
        keyOf={({ at, title }) => `${at} ${title}`}
        columns={[
          { name: "At", cell: ({ at }) => <Time at={at} /> },
          {
            name: "What",
            cell: ({ title, link }) =>
              link === null ? (
                title
              ) : (
                <a href={link} rel="noreferrer">
                  {title}
                </a>
              ),
          },
          { name: "Who", cell: ({ by }) => by },
        ]}
      />
    </div>
  );

/** `signals`: those that the rule judges; `first`: the one that matters most now. */
export default ({
  evaluations,
  latency,
  marks,
  signals,
  first,
}: {
  evaluations: readonly Evaluation[];
  latency: Latency;
  marks: readonly Mark[];
  signals: readonly SignalName[];
  first: SignalName | undefined;
}) => {
  const [chosen, choose] = useState<SignalName | null>(null);
  const signal = chosen ?? first ?? signals[0];
  if (signal === undefined || evaluations.length === 0)
    return (
      <>
        <p class="empty">It was not evaluated in this trial yet.</p>
        <Marks marks={marks} />
      </>
    );
  return (
    <>
      <div class="choices" role="group" aria-label="Signal">
        {signals.map((each) => (
          <button key={each} type="button" aria-pressed={each === signal} onClick={() => choose(each)}>
            {SIGNALS[each].name}
          </button>
        ))}
      </div>
      <div class="charts">
        <EvidenceChart evaluations={evaluations} signal={signal} marks={marks} />
        <RateChart evaluations={evaluations} signal={signal} marks={marks} />
        <CohortChart evaluations={evaluations} marks={marks} />
        <LatencyChart latency={latency} />
      </div>
      <Marks marks={marks} />
    </>
  );
};
