// Targeting as rows that people edit: conditions, groups of them, and segments. The same tree can be edited as JSON.
import { useState, useId } from "preact/hooks";
import type { Condition } from "../client.gen.ts";
import { useFaults } from "./form.tsx";
import {
  ATTRIBUTES,
  attributeOf,
  namesOf,
  OPERATORS,
  textOf,
  withOperator,
  withText,
  type Leaf,
} from "./condition-words.ts";

type NodeProps = {
  readonly condition: Condition;
  /** Dotted path in the document. */
  readonly field: string;
  /** For who does not see where it stands: `2.1`. */
  readonly place: string;
  readonly segments: readonly string[];
  readonly set: (condition: Condition) => void;
  readonly remove: () => void;
};

const Faults = ({ field }: { field: string }) => (
  <>
    {useFaults(field).map((text) => (
      <p key={text} class="fault">
        {text}
      </p>
    ))}
  </>
);

const Remove = ({ place, remove }: Pick<NodeProps, "place" | "remove">) => (
  <button type="button" class="icon" aria-label={`Remove condition ${place}`} onClick={remove}>
    ×
  </button>
);

const LeafRow = ({ leaf, field, place, set, remove }: NodeProps & { leaf: Leaf }) => {
  const { kind, name } = attributeOf(leaf.attribute);
  const isFaulty = useFaults(field).length > 0;
  const named = namesOf(kind);
  return (
    <div class="condition">
      <div class="row">
        <select
          aria-label={`Attribute of condition ${place}`}
          value={kind}
          onInput={({ currentTarget: { value } }) =>
            set({ ...leaf, attribute: namesOf(value) === null ? value : `${value}:${name}` })
          }
        >
          {ATTRIBUTES.map(({ kind: each, word }) => (
            <option key={each} value={each}>
              {word}
            </option>
          ))}
        </select>
        {named === null ? null : (
          <input
            type="text"
            aria-label={`Name of the ${kind} of condition ${place}`}
            placeholder={named}
            spellcheck={false}
            autocomplete="off"
            value={name}
            onInput={(event) => set({ ...leaf, attribute: `${kind}:${event.currentTarget.value.trim()}` })}
          />
        )}
        <select
          aria-label={`Operator of condition ${place}`}
          value={leaf.operator}
          onInput={(event) => set(withOperator(leaf, event.currentTarget.value))}
        >
          {OPERATORS.map(({ operator, word }) => (
            <option key={operator} value={operator}>
              {word}
            </option>
          ))}
        </select>
        <input
          type="text"
          aria-label={`Value of condition ${place}`}
          aria-invalid={isFaulty}
          placeholder={leaf.operator === "in" ? "DE, AT, CH" : "value"}
          spellcheck={false}
          autocomplete="off"
          value={textOf(leaf)}
          // With the change, and not with each key: a list is not one while it is typed.
          onChange={(event) => set(withText(leaf, event.currentTarget.value))}
        />
        <button
          type="button"
          class="icon"
          aria-label={`Negate condition ${place}`}
          title="Whoever does not meet it"
          onClick={() => set({ operator: "not", condition: leaf })}
        >
          not
        </button>
        <Remove place={place} remove={remove} />
      </div>
      <Faults field={field} />
    </div>
  );
};

const FIRST_LEAF: Condition = { attribute: "country", operator: "in", values: ["DE"] };

const Group = ({
  operator,
  conditions,
  field,
  place,
  segments,
  set,
  remove,
}: NodeProps & { operator: "and" | "or"; conditions: readonly Condition[] }) => {
  const id = useId();
  const put = (next: readonly Condition[]): void =>
    next.length === 0 ? remove() : set({ operator, conditions: [...next] });
  return (
    <fieldset class="conditions">
      <legend class="visually-hidden">{place === "" ? "Conditions" : `Conditions ${place}`}</legend>
      <div class="row">
        <label class="inline" for={id}>
          Whoever meets
        </label>
        <select
          id={id}
          value={operator}
          onInput={(event) =>
            set({ operator: event.currentTarget.value === "or" ? "or" : "and", conditions: [...conditions] })
          }
        >
          <option value="and">all of these</option>
          <option value="or">one of these</option>
        </select>
        {place === "" ? null : <Remove place={place} remove={remove} />}
      </div>
      {conditions.map((condition, at) => (
        <Node
          key={at}
          condition={condition}
          field={`${field}.conditions.${at}`}
          place={place === "" ? `${at + 1}` : `${place}.${at + 1}`}
          segments={segments}
          set={(next) => put(conditions.map((each, index) => (index === at ? next : each)))}
          remove={() => put(conditions.filter((_, index) => index !== at))}
        />
      ))}
      <div class="row">
        <button type="button" onClick={() => put([...conditions, FIRST_LEAF])}>
          Add a condition
        </button>
        <button
          type="button"
          onClick={() => put([...conditions, { operator: "or", conditions: [FIRST_LEAF] }])}
        >
          Add a group
        </button>
        {segments[0] === undefined ? null : (
          <button type="button" onClick={() => put([...conditions, { segment: segments[0] ?? "" }])}>
            Add a segment
          </button>
        )}
      </div>
    </fieldset>
  );
};

const Node = (props: NodeProps) => {
  const { condition, field, place, segments, set, remove } = props;
  if ("segment" in condition)
    return (
      <div class="condition">
        <div class="row">
          <span>is in the segment</span>
          <select
            aria-label={`Segment of condition ${place}`}
            value={condition.segment}
            onInput={(event) => set({ segment: event.currentTarget.value })}
          >
            {[...new Set([condition.segment, ...segments])].map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
          <Remove place={place} remove={remove} />
        </div>
        <Faults field={field} />
      </div>
    );
  if ("conditions" in condition)
    return <Group {...props} operator={condition.operator} conditions={condition.conditions} />;
  if ("condition" in condition)
    return (
      <div class="negated">
        <div class="row">
          <strong>Not:</strong>
          <button type="button" class="link" onClick={() => set(condition.condition)}>
            drop the not
          </button>
        </div>
        <Node
          {...props}
          condition={condition.condition}
          field={`${field}.condition`}
          set={(next) => set({ operator: "not", condition: next })}
        />
      </div>
    );
  return <LeafRow {...props} leaf={condition} />;
};

/** A single condition stands in a group of one, which is what a person adds to. */
const asGroup = (condition: Condition): Condition =>
  "conditions" in condition ? condition : { operator: "and", conditions: [condition] };

const AsJson = ({
  condition,
  set,
  onInvalid,
}: {
  condition: Condition | null;
  set: (condition: Condition | null) => void;
  onInvalid: (isInvalid: boolean) => void;
}) => {
  const [text, setText] = useState(() => JSON.stringify(condition, null, 2));
  const [fault, setFault] = useState<string | null>(null);
  return (
    <div class="field">
      <textarea
        aria-label="Targeting as JSON"
        class="json"
        rows={12}
        spellcheck={false}
        aria-invalid={fault !== null}
        value={text}
        onInput={({ currentTarget: { value } }) => {
          setText(value);
          try {
            set(JSON.parse(value));
            setFault(null);
            onInvalid(false);
          } catch (error) {
            setFault(error instanceof Error ? error.message : String(error));
            onInvalid(true);
          }
        }}
      />
      {fault === null ? null : <p class="fault">{fault}</p>}
      <Faults field="targeting" />
    </div>
  );
};

const isTree = (condition: unknown): condition is Condition =>
  typeof condition === "object" &&
  condition !== null &&
  ("segment" in condition ||
    ("conditions" in condition &&
      Array.isArray(condition.conditions) &&
      condition.conditions.every((each) => isTree(each))) ||
    ("condition" in condition && isTree(condition.condition)) ||
    ("attribute" in condition && typeof condition.attribute === "string" && "operator" in condition));

export const Conditions = ({
  condition,
  field,
  segments,
  onCondition,
  onInvalid,
}: {
  condition: Condition | null;
  field: string;
  segments: readonly string[];
  onCondition: (condition: Condition | null) => void;
  /** Whether what stands in the JSON is none: it cannot be saved. */
  onInvalid: (isInvalid: boolean) => void;
}) => {
  const [isJson, setJson] = useState(false);
  const [isInvalid, setInvalid] = useState(false);
  const canBeRows = condition === null || isTree(condition);
  const asJson = isJson || !canBeRows;
  return (
    <div class="targeting">
      <div class="choices" role="group" aria-label="View of the conditions">
        <button
          type="button"
          aria-pressed={!asJson}
          disabled={isInvalid || !canBeRows}
          onClick={() => setJson(false)}
        >
          Rows
        </button>
        <button type="button" aria-pressed={asJson} onClick={() => setJson(true)}>
          JSON
        </button>
      </div>
      {asJson ? (
        <AsJson
          condition={condition}
          set={onCondition}
          onInvalid={(now) => {
            setInvalid(now);
            onInvalid(now);
          }}
        />
      ) : condition === null ? (
        <div class="row">
          <p class="none">Everybody.</p>
          <button type="button" onClick={() => onCondition(asGroup(FIRST_LEAF))}>
            Add a condition
          </button>
        </div>
      ) : (
        <Node
          condition={asGroup(condition)}
          field={"conditions" in condition ? field : `${field}.conditions.0`}
          place=""
          segments={segments}
          set={onCondition}
          remove={() => onCondition(null)}
        />
      )}
      {asJson ? null : <TreeFaults field={field} />}
    </div>
  );
};

/** What is wrong with the tree as a whole. */
const TreeFaults = ({ field }: { field: string }) => (
  <>
    {useFaults(field, true).map((text) => (
      <p key={text} class="fault">
        {text}
      </p>
    ))}
  </>
);
