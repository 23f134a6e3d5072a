// By feature, kind, actor and time: what is asked of the API, and the fields that set it. All of it stands in the address.
import { dayBegins, dayEnds, type Filters } from "../parts/address.ts";
import { ACTIONS, actionOf, causeOf } from "./words.ts";

export const AUDIT_FILTERS = ["feature", "action", "actor", "since", "until"] as const;
export const ROLLBACK_FILTERS = ["feature", "cause", "actor", "since", "until"] as const;
type Name = (typeof AUDIT_FILTERS)[number] | (typeof ROLLBACK_FILTERS)[number];

/** As the API asks for it. */
export const queryOf = (filters: Partial<Filters<Name>>) => {
  const { feature = "", action = "", cause = "", actor = "", since = "", until = "" } = filters;
  return {
    featureId: feature === "" ? undefined : feature,
    action: actionOf(action),
    cause: causeOf(cause),
    actor: actor === "" ? undefined : actor,
    since: dayBegins(since),
    until: dayEnds(until),
  };
};

const FIELDS = {
  feature: { label: "Feature", type: "search", placeholder: "Its id, or segment:ID" },
  actor: { label: "By", type: "search", placeholder: "As the audit names them" },
  since: { label: "From", type: "date", placeholder: undefined },
  until: { label: "To", type: "date", placeholder: undefined },
} as const;

type FieldName = keyof typeof FIELDS;

export const FilterField = ({
  name,
  value,
  set,
  suggestions,
}: {
  name: FieldName;
  value: string;
  set: (value: string) => void;
  /** Of a text: what is often asked for. */
  suggestions?: readonly string[];
}) => {
  const { label, type, placeholder } = FIELDS[name];
  const list = suggestions === undefined ? undefined : `suggested-${name}`;
  return (
    <label>
      {label}
      <input
        type={type}
        placeholder={placeholder}
        value={value}
        list={list}
        onChange={(event) => set(event.currentTarget.value.trim())}
      />
      {list === undefined ? null : (
        <datalist id={list}>
          {suggestions?.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </label>
  );
};

export const ChoiceField = ({
  label,
  value,
  all,
  choices,
  set,
}: {
  label: string;
  value: string;
  all: string;
  choices: readonly (readonly [string, string])[];
  set: (value: string) => void;
}) => (
  <label>
    {label}
    <select value={value} onChange={(event) => set(event.currentTarget.value)}>
      <option value="">{all}</option>
      {choices.map(([key, name]) => (
        <option key={key} value={key}>
          {name}
        </option>
      ))}
    </select>
  </label>
);

export const ACTION_CHOICES = Object.entries(ACTIONS);
