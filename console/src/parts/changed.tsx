// What a change does to each field, before and after.
import { formatBps } from "../format.ts";
import "./changed.css";

export type FieldChange = { readonly field: string; readonly from?: unknown; readonly to?: unknown };

const isBps = (field: string, value: unknown): value is number =>
  field.endsWith("Bps") && typeof value === "number";

/** A value as a person reads it: shares in percent, lists by their items, and the rest as it is stored. */
const textOf = (field: string, value: unknown): string => {
  if (value === null || value === undefined) return "none";
  if (isBps(field, value)) return formatBps(value);
  if (typeof value === "string") return value === "" ? "empty" : value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value) && value.every((item) => typeof item === "string"))
    return value.length === 0 ? "none" : value.join(", ");
  return JSON.stringify(value, null, typeof value === "object" ? 2 : 0);
};

const Value = ({ field, value }: { field: string; value: unknown }) => {
  const text = textOf(field, value);
  return text.includes("\n") ? <pre tabIndex={0}>{text}</pre> : <>{text}</>;
};

export const Changed = ({ changes }: { changes: readonly FieldChange[] }) =>
  changes.length === 0 ? (
    <p class="changed-none">No field has changed.</p>
  ) : (
    <dl class="changed">
      {changes.map(({ field, from, to }) => (
        <div key={field}>
          <dt>
            <code>{field}</code>
          </dt>
          <dd>
            {from === undefined ? null : (
              <>
                <del>
                  <Value field={field} value={from} />
                </del>{" "}
                <span aria-hidden="true">→</span>{" "}
              </>
            )}
            <ins>
              <Value field={field} value={to} />
            </ins>
          </dd>
        </div>
      ))}
    </dl>
  );
