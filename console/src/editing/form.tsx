// A form whose wrong fields say themselves what is wrong with them, whoever found it: the browser while one types, or the API.
import { createContext, type ComponentChildren } from "preact";
import { useContext, useEffect, useId } from "preact/hooks";
import type { FieldFault } from "../api.ts";
import "./editing.css";

const Faults = createContext<readonly FieldFault[]>([]);

export const Form = ({
  name,
  faults,
  submit,
  children,
}: {
  /** For who does not see it. */
  name: string;
  /** Of the last attempt to save. The first of them gets the focus. */
  faults: readonly FieldFault[];
  submit: () => void;
  children: ComponentChildren;
}) => {
  const id = useId();
  useEffect(() => {
    if (faults.length > 0)
      document.querySelector<HTMLElement>(`#${CSS.escape(id)} [aria-invalid="true"]`)?.focus();
  }, [faults]);
  return (
    <form
      id={id}
      class="edit"
      aria-label={name}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Faults.Provider value={faults}>{children}</Faults.Provider>
    </form>
  );
};

/** What is wrong with a field, or with anything in it unless `isAlone`. */
export const useFaults = (field: string, isAlone = false): readonly string[] =>
  useContext(Faults)
    .filter((fault) => fault.field === field || (!isAlone && fault.field.startsWith(`${field}.`)))
    .map((fault) => fault.detail);

/** What an input has to carry so that its explanation and its fault are read with it. */
export type Described = {
  readonly id: string;
  readonly "aria-describedby": string;
  readonly "aria-invalid": boolean;
};

export const Field = ({
  field,
  label,
  hint,
  fault = null,
  children,
}: {
  /** Dotted path in the document, by which the API names it. */
  field: string;
  label: ComponentChildren;
  hint?: ComponentChildren;
  /** What the browser knows to be wrong. */
  fault?: string | null;
  children: (input: Described) => ComponentChildren;
}) => {
  const id = useId();
  const found = useFaults(field);
  const all = [...(fault === null ? [] : [fault]), ...found.filter((text) => text !== fault)];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": `${id}-about`, "aria-invalid": all.length > 0 })}
      <div id={`${id}-about`} class="about">
        {all.map((text) => (
          <p key={text} class="fault">
            <span aria-hidden="true">!</span> {text}
          </p>
        ))}
        {hint === undefined ? null : <small>{hint}</small>}
      </div>
    </div>
  );
};

/** Fields that belong together. */
export const Group = ({
  title,
  lead,
  children,
}: {
  title: string;
  lead?: ComponentChildren;
  children: ComponentChildren;
}) => {
  const id = useId();
  return (
    <section class="group" aria-labelledby={id}>
      <div class="group-head">
        <h2 id={id}>{title}</h2>
        {lead === undefined ? null : <p>{lead}</p>}
      </div>
      <div class="group-fields">{children}</div>
    </section>
  );
};
