// What a change did to each field, with the parts of a rule or of targeting that are not the same.
import type { AuditEntry } from "../client.gen.ts";
import { formatBps } from "../format.ts";
import "./feature.css";

type Diff = NonNullable<AuditEntry["details"]["diff"]>;
type Field = { readonly field: string; readonly from: unknown; readonly to: unknown };

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** An object, such as a rule, is shown by those of its fields that changed: all of them where it comes or goes. */
const partsOf = ({ field, from, to }: Field): Field[] => {
  if (!isObject(from) && !isObject(to)) return [{ field, from, to }];
  const [before, after] = [isObject(from) ? from : {}, isObject(to) ? to : {}];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => !isSame(before[name], after[name]))
    .map((name) => ({ field: `${field}.${name}`, from: before[name], to: after[name] }));
};

const shown = (field: string, value: unknown): string => {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "number" && field.endsWith("Bps")) return formatBps(value);
  return typeof value === "string" ? value : JSON.stringify(value);
};

export const FieldChanges = ({ diff }: { diff: Diff }) => {
  const parts = diff.flatMap(({ field, from, to }) => partsOf({ field, from, to }));
  return parts.length === 0 ? null : (
    <dl class="fields-changed">
      {parts.map(({ field, from, to }) => (
        <div key={field}>
          <dt>{field}</dt>
          <dd>
            <del>{shown(field, from)}</del> → <ins>{shown(field, to)}</ins>
          </dd>
        </div>
      ))}
    </dl>
  );
};
