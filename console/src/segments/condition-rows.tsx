// The rows of a condition, or its document where rows cannot say it. Both edit the same condition.
import { useState } from "preact/hooks";
import type { Condition } from "../client.gen.ts";
import { conditionOf, EMPTY_ROW, OPERATORS, rowsOf, type Operator, type Row } from "./condition.ts";

const ATTRIBUTES = ["country", "path", "device", "header:x-name", "cookie:name", "claim:plan"];
const isOperator = (text: string): text is Operator => Object.hasOwn(OPERATORS, text);

const RowEditor = ({
  row,
  at,
  set,
  remove,
}: {
  row: Row;
  at: number;
  set: (row: Row) => void;
  remove: (() => void) | null;
}) => (
  <fieldset class="condition-row" aria-label={`Condition ${at + 1}`}>
    {row.operator === "segment" ? (
      <span class="condition-who">The visitor</span>
    ) : (
      <input
        aria-label="Attribute"
        list="condition-attributes"
        value={row.attribute}
        required
        onInput={(event) => set({ ...row, attribute: event.currentTarget.value.trim() })}
      />
    )}
    <select
      aria-label="Not"
      value={row.isNegated ? "not" : ""}
      onChange={(event) => set({ ...row, isNegated: event.currentTarget.value === "not" })}
    >
      <option value="">–</option>
      <option value="not">not</option>
    </select>
    <select
      aria-label="Operator"
      value={row.operator}
      onChange={({ currentTarget: { value } }) => {
        if (isOperator(value)) set({ ...row, operator: value });
      }}
    >
      {Object.entries(OPERATORS).map(([operator, name]) => (
        <option key={operator} value={operator}>
          {name}
        </option>
      ))}
    </select>
    <input
      aria-label="Value"
      value={row.value}
      required
      placeholder={row.operator === "in" ? "DE, AT, CH" : ""}
      onInput={(event) => set({ ...row, value: event.currentTarget.value })}
    />
    {remove === null ? null : (
      <button type="button" aria-label={`Remove condition ${at + 1}`} onClick={remove}>
        ×
      </button>
    )}
  </fieldset>
);

const Json = ({ value, set }: { value: Condition; set: (condition: Condition) => void }) => {
  const [text, setText] = useState(JSON.stringify(value, null, 2));
  const [wrong, setWrong] = useState("");
  const onInput = (next: string): void => {
    setText(next);
    try {
      set(JSON.parse(next));
      setWrong("");
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <label>
      Condition as JSON
      <textarea
        rows={10}
        spellcheck={false}
        value={text}
        aria-invalid={wrong !== ""}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {wrong === "" ? null : <small class="error">{wrong}</small>}
    </label>
  );
};

export const ConditionRows = ({
  condition,
  set,
}: {
  condition: Condition;
  set: (condition: Condition) => void;
}) => {
  const rowed = rowsOf(condition);
  const [isJson, setJson] = useState(rowed === null);
  const setRows = (rows: readonly Row[], join = rowed?.join ?? "and"): void =>
    set(conditionOf({ join, rows }));
  return (
    <div class="condition">
      <datalist id="condition-attributes">
        {ATTRIBUTES.map((attribute) => (
          <option key={attribute} value={attribute} />
        ))}
      </datalist>
      {isJson || rowed === null ? (
        <Json value={condition} set={set} />
      ) : (
        <>
          {rowed.rows.length < 2 ? null : (
            <label class="condition-join">
              Visitors who meet
              <select
                value={rowed.join}
                onChange={(event) => setRows(rowed.rows, event.currentTarget.value === "or" ? "or" : "and")}
              >
                <option value="and">all of these</option>
                <option value="or">any of these</option>
              </select>
            </label>
          )}
          {rowed.rows.map((row, at) => (
            <RowEditor
              key={at}
              row={row}
              at={at}
              set={(next) => setRows(rowed.rows.map((each, index) => (index === at ? next : each)))}
              remove={
                rowed.rows.length < 2 ? null : () => setRows(rowed.rows.filter((_, index) => index !== at))
              }
            />
          ))}
          <button type="button" onClick={() => setRows([...rowed.rows, EMPTY_ROW])}>
            Add a condition
          </button>
        </>
      )}{" "}
      <button
        type="button"
        class="link"
        disabled={isJson && rowed === null}
        title={isJson && rowed === null ? "It has a form that rows cannot show." : ""}
        onClick={() => setJson(!isJson)}
      >
        {isJson ? "As rows" : "As JSON"}
      </button>
    </div>
  );
};
