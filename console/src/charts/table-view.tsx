import type { Column } from "../parts/rows.tsx";
import { Rows } from "../parts/rows.tsx";
import { toCsv } from "./series.ts";

type CsvRow = Parameters<typeof toCsv>[0][number];

/** A chart's data as a table and as a file. `csv`: the same rows with their full numbers. */
export const TableView = <T,>({
  name,
  rows,
  columns,
  keyOf,
  csv,
}: {
  /** Of the file, and what the table is of. */
  name: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  keyOf: (row: T) => string;
  csv: readonly CsvRow[];
}) => (
  <details class="table-view">
    <summary>
      As a table<span class="visually-hidden">: {name}</span>
    </summary>{" "}
    <a
      download={`${name}.csv`}
      href={`data:text/csv;charset=utf-8,${encodeURIComponent(toCsv(csv))}`}
      aria-label={`${name} as CSV`}
    >
      CSV
    </a>
    <Rows rows={rows} columns={columns} keyOf={keyOf} empty="There is nothing yet." />
  </details>
);
