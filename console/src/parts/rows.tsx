import type { ComponentChildren } from "preact";

export type Column<T> = { readonly name: string; readonly cell: (row: T) => ComponentChildren };

/** A table whose first column names its rows. */
export const Rows = <T,>({
  rows,
  columns,
  keyOf,
  empty,
}: {
  rows: readonly T[];
  columns: readonly Column<T>[];
  keyOf: (row: T) => string;
  empty: ComponentChildren;
}) =>
  rows.length === 0 ? (
    <p class="empty">{empty}</p>
  ) : (
    // A wide table is scrolled by the keyboard too.
    <div class="scroll" role="group" aria-label={`Table by ${columns[0]?.name ?? ""}`} tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            {columns.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ name, cell }, at) =>
                at === 0 ? (
                  <th key={name} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={name} data-label={name}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
