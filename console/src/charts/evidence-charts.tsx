// Evidence against its bar, and the signal itself, over the evaluations of the present trial; each with its table and as CSV.
import { useMemo, useState } from "preact/hooks";
import type { Evaluation } from "../client.gen.ts";
import { formatRate } from "../format.ts";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { SIGNALS } from "../words.ts";
import { Plot } from "./plot.tsx";
import { evidenceRows, rateRows, toCsv, type SignalName } from "./series.ts";

const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumSignificantDigits: 3 });

/** Odds of a power of ten: `100 : 1`, or `1 : 100` where the bet has lost. */
const odds = (power: number): string =>
  power >= 0 ? `${compact.format(10 ** power)} : 1` : `1 : ${compact.format(10 ** -power)}`;

const rate = (value: number | null): string => formatRate(value);
const power = (value: number | null): string => (value === null ? "–" : odds(value));

const Csv = ({ name, rows }: { name: string; rows: Parameters<typeof toCsv>[0] }) => (
  <a download={`${name}.csv`} href={`data:text/csv;charset=utf-8,${encodeURIComponent(toCsv(rows))}`}>
    CSV
  </a>
);

const EvidenceChart = ({
  evaluations,
  signal,
}: {
  evaluations: readonly Evaluation[];
  signal: SignalName;
}) => {
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
      <Plot label={`Evidence of ${SIGNALS[signal].name} over time`} {...drawn} format={odds} />
      <details>
        <summary>As a table</summary> <Csv name={`evidence-${signal}`} rows={rows} />
        <Rows
          rows={rows.toReversed()}
          keyOf={({ at }) => at}
          empty="There is nothing yet."
          columns={[
            { name: "At", cell: ({ at }) => <Time at={at} /> },
            { name: "For a rollback", cell: (row) => power(row.rollback) },
            { name: "Bar of a rollback", cell: (row) => power(row.rollbackBar) },
            { name: "For keeping", cell: (row) => power(row.keep) },
            { name: "Bar of keeping", cell: (row) => power(row.keepBar) },
          ]}
        />
      </details>
    </figure>
  );
};

const RateChart = ({ evaluations, signal }: { evaluations: readonly Evaluation[]; signal: SignalName }) => {
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
      bands: [[0, 1] as const],
    }),
    [rows],
  );
  return (
    <figure>
      <figcaption>{SIGNALS[signal].name}, with its interval</figcaption>
      <Plot label={`${SIGNALS[signal].name} over time`} {...drawn} format={rate} />
      <details>
        <summary>As a table</summary> <Csv name={`rate-${signal}`} rows={rows} />
        <Rows
          rows={rows.toReversed()}
          keyOf={({ at }) => at}
          empty="There is nothing yet."
          columns={[
            { name: "At", cell: ({ at }) => <Time at={at} /> },
            { name: "Treatment", cell: (row) => rate(row.rate) },
            { name: "Interval", cell: (row) => `${rate(row.lower)} to ${rate(row.upper)}` },
            { name: "Holdout", cell: (row) => rate(row.holdout) },
            { name: "Threshold", cell: (row) => rate(row.threshold) },
          ]}
        />
      </details>
    </figure>
  );
};

/** `signals`: those that the rule judges; `first`: the one that matters most now. */
export default ({
  evaluations,
  signals,
  first,
}: {
  evaluations: readonly Evaluation[];
  signals: readonly SignalName[];
  first: SignalName | undefined;
}) => {
  const [chosen, choose] = useState<SignalName | null>(null);
  const signal = chosen ?? first ?? signals[0];
  if (signal === undefined || evaluations.length === 0)
    return <p class="empty">It was not evaluated in this trial yet.</p>;
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
        <EvidenceChart evaluations={evaluations} signal={signal} />
        <RateChart evaluations={evaluations} signal={signal} />
      </div>
    </>
  );
};
