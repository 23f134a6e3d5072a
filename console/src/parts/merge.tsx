// Somebody else changed what one is editing: what is taken over is told, and what both changed is chosen.
import { useId } from "preact/hooks";
import { listAudit } from "../client.gen.ts";
import { fieldName, fieldValue } from "../editing/field-words.ts";
import type { Difference, Side } from "../editing/three-way.ts";
import type { Edit } from "../editing/use-edit.ts";
import { useResource } from "../resource.ts";
import { Time } from "./time.tsx";
import "../editing/editing.css";

/** Who changed it since the version that the edit is based on, and why. */
const Others = ({ audited, since }: { audited: string; since: number }) => {
  const changes = useResource(
    `others ${audited} ${since}`,
    () => listAudit({ featureId: audited, limit: 10 }),
    { changes: (event) => event.kind === "change" && event.change.featureId === audited },
  );
  const entries = (changes.data?.entries ?? []).filter(({ version }) => version > since);
  return entries.length === 0 ? null : (
    <ul class="others">
      {entries.map(({ seq, actor, at, reason }) => (
        <li key={seq}>
          <strong>{actor}</strong>, <Time at={at} ago />: {reason}
        </li>
      ))}
    </ul>
  );
};

const SIDES = [
  ["mine", "Mine"],
  ["theirs", "Theirs"],
] as const;

const Conflict = ({
  difference,
  chosen,
  choose,
}: {
  difference: Difference;
  chosen: Side | undefined;
  choose: (side: Side) => void;
}) => {
  const name = useId();
  const { path } = difference;
  return (
    <fieldset class="conflict">
      <legend>{fieldName(path)}</legend>
      <p>
        <small>Before: {fieldValue(path, difference.base)}</small>
      </p>
      {SIDES.map(([side, label]) => (
        <label key={side} class="option">
          <input type="radio" name={name} checked={chosen === side} onInput={() => choose(side)} />
          <span>
            {label}: <span class="value">{fieldValue(path, difference[side])}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
};

/** `audited`: as the audit names what is edited. */
export const Merge = <T,>({ edit, audited }: { edit: Edit<T>; audited: string }) => {
  const { conflicts, takenOver, choices } = edit;
  if (conflicts.length > 0)
    return (
      <section class="notice warn merge" role="alert" aria-label="Somebody else changed the same">
        <strong>Somebody else changed the same fields while you were editing. Nothing is lost.</strong>
        <Others audited={audited} since={edit.version} />
        <p>Choose for each field. All other changes of both of you are kept.</p>
        {conflicts.map((difference) => (
          <Conflict
            key={difference.path}
            difference={difference}
            chosen={choices[difference.path]}
            choose={(side) => edit.choose(difference.path, side)}
          />
        ))}
        <button
          type="button"
          class="primary"
          disabled={conflicts.some(({ path }) => choices[path] === undefined)}
          onClick={edit.settle}
        >
          Go on with this
        </button>
      </section>
    );
  return takenOver.length === 0 ? null : (
    <section class="notice calm merge" role="status" aria-label="Changes of somebody else">
      <strong>Somebody else changed other fields. They are taken over; what you typed is kept.</strong>
      <ul>
        {takenOver.map(({ path, base, theirs }) => (
          <li key={path}>
            {fieldName(path)}: <del>{fieldValue(path, base)}</del> <ins>{fieldValue(path, theirs)}</ins>
          </li>
        ))}
      </ul>
    </section>
  );
};
