// Inputs in the units that people use; the documents of the API have basis points, parts of one and seconds.
import { useState } from "preact/hooks";
import { Field, type Described } from "./form.tsx";
import type { ComponentChildren } from "preact";

type Common<T> = {
  readonly field: string;
  readonly label: ComponentChildren;
  readonly hint?: ComponentChildren;
  readonly fault?: string | null;
  readonly value: T;
  readonly onValue: (value: T) => void;
};

export const TextInput = ({
  value,
  onValue,
  rows,
  required = false,
  placeholder,
  spellcheck,
  ...field
}: Common<string> & {
  /** More than one line. */
  rows?: number;
  required?: boolean;
  placeholder?: string;
  spellcheck?: boolean;
}) => (
  <Field {...field}>
    {(input) =>
      rows === undefined ? (
        <input
          {...input}
          type="text"
          required={required}
          placeholder={placeholder}
          spellcheck={spellcheck}
          autocomplete="off"
          value={value}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      ) : (
        <textarea
          {...input}
          rows={rows}
          required={required}
          placeholder={placeholder}
          spellcheck={spellcheck}
          value={value}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      )
    }
  </Field>
);

export const DateInput = ({ value, onValue, ...field }: Common<string>) => (
  <Field {...field}>
    {(input) => (
      <input {...input} type="date" value={value} onInput={(event) => onValue(event.currentTarget.value)} />
    )}
  </Field>
);

/**
 * The text of a number while it is typed: `0.` is on its way to `0.5`, and an empty field to anything. Where `value`
 * changes by other means the text follows.
 */
const NumberText = ({
  value,
  onValue,
  min,
  max,
  step,
  input,
  placeholder,
}: {
  value: number | undefined;
  onValue: (value: number | undefined) => void;
  min: number;
  max: number;
  step: number;
  input: Partial<Described> & { readonly "aria-label"?: string };
  placeholder?: string | undefined;
}) => {
  const [text, setText] = useState<string | null>(null);
  const shown = Number.isNaN(value) ? undefined : value;
  const isTyped = text !== null && (text === "" ? undefined : Number(text)) === shown;
  return (
    <input
      {...input}
      type="number"
      inputMode="decimal"
      min={min}
      max={max}
      step={step}
      placeholder={placeholder}
      value={isTyped ? text : (shown ?? "")}
      onInput={({ currentTarget }) => {
        setText(currentTarget.value);
        onValue(Number.isNaN(currentTarget.valueAsNumber) ? undefined : currentTarget.valueAsNumber);
      }}
    />
  );
};

export const NumberInput = ({
  value,
  onValue,
  min,
  max,
  step = 1,
  unit,
  placeholder,
  ...field
}: Common<number | undefined> & {
  min: number;
  max: number;
  step?: number;
  unit?: string;
  placeholder?: string;
}) => (
  <Field {...field}>
    {(input) => (
      <span class="with-unit">
        <NumberText {...{ value, onValue, min, max, step, input, placeholder }} />
        {unit === undefined ? null : <span>{unit}</span>}
      </span>
    )}
  </Field>
);

/** Without the noise of binary fractions: 0.07 × 100 is 7. */
const rounded = (value: number): number => Number(value.toPrecision(10));

/** A share by a slider and a number of percent. `whole` is what 100 % are in the document: 1, or 10,000 basis points. */
export const ShareInput = ({
  value,
  onValue,
  whole,
  max = whole,
  sliderStep = 1,
  placeholder,
  ...field
}: Common<number | undefined> & {
  whole: 1 | 10_000;
  max?: number;
  /** Of the slider, in percent. */
  sliderStep?: number;
  placeholder?: string;
}) => {
  const percent = value === undefined ? undefined : rounded((value / whole) * 100);
  const isWhole = whole === 10_000;
  const set = (next: number | undefined): void =>
    onValue(
      next === undefined ? undefined : isWhole ? Math.round(next * 100) : rounded((next / 100) * whole),
    );
  const label = typeof field.label === "string" ? field.label : field.field;
  const maxPercent = (max / whole) * 100;
  return (
    <Field {...field}>
      {(input) => (
        <span class="share">
          <input
            type="range"
            aria-label={`${label}, by a slider`}
            min={0}
            max={maxPercent}
            step={sliderStep}
            value={percent ?? 0}
            onInput={({ currentTarget }) => set(currentTarget.valueAsNumber)}
          />
          <span class="with-unit">
            <NumberText
              value={percent}
              onValue={set}
              min={0}
              max={maxPercent}
              step={isWhole ? 0.01 : 0.1}
              input={input}
              placeholder={placeholder}
            />
            <span>%</span>
          </span>
        </span>
      )}
    </Field>
  );
};

type Unit = readonly [name: string, seconds: number];
const HOURS: Unit = ["hours", 3_600];
const UNITS: readonly Unit[] = [["days", 86_400], HOURS, ["minutes", 60], ["seconds", 1]];

/** The largest unit in which the time is a whole number: 90,000 s are 25 hours. */
const unitOf = (seconds: number | undefined): Unit =>
  UNITS.find(([, size]) => seconds !== undefined && seconds > 0 && seconds % size === 0) ?? HOURS;

export const DurationInput = ({
  value,
  onValue,
  maxSeconds,
  placeholder,
  ...field
}: Common<number | undefined> & { maxSeconds: number; placeholder?: string }) => {
  const [chosen, setChosen] = useState<Unit | null>(null);
  const [name, size] = chosen ?? unitOf(value);
  const label = typeof field.label === "string" ? field.label : field.field;
  return (
    <Field {...field}>
      {(input) => (
        <span class="with-unit">
          <NumberText
            value={value === undefined ? undefined : rounded(value / size)}
            onValue={(next) => {
              setChosen([name, size]);
              onValue(next === undefined ? undefined : Math.round(next * size));
            }}
            min={1 / size}
            max={maxSeconds / size}
            step={1}
            input={input}
            placeholder={placeholder}
          />
          <select
            aria-label={`${label}, unit`}
            value={name}
            onInput={({ currentTarget }) => {
              const next = UNITS.find(([each]) => each === currentTarget.value) ?? HOURS;
              setChosen(next);
              if (value !== undefined) onValue(Math.round((value / size) * next[1]));
            }}
          >
            {UNITS.map(([each]) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </span>
      )}
    </Field>
  );
};

type Choice<T extends string> = {
  readonly value: T;
  readonly name: string;
  readonly means?: ComponentChildren;
};

/** One of a few, each with what it means. */
export const ChoiceInput = <T extends string>({
  value,
  onValue,
  choices,
  ...field
}: Common<T> & { choices: readonly Choice<T>[] }) => (
  <Field {...field}>
    {(input) => (
      <span class="options" role="radiogroup" {...input} aria-labelledby={undefined}>
        {choices.map((choice) => (
          <label key={choice.value} class="option">
            <input
              type="radio"
              name={input.id}
              checked={choice.value === value}
              onInput={() => onValue(choice.value)}
            />
            <span>
              {choice.name}
              {choice.means === undefined ? null : <small>{choice.means}</small>}
            </span>
          </label>
        ))}
      </span>
    )}
  </Field>
);

export const CheckInput = ({ value, onValue, label, hint, field }: Common<boolean>) => (
  <label class="option" data-field={field}>
    <input type="checkbox" checked={value} onInput={(event) => onValue(event.currentTarget.checked)} />
    <span>
      {label}
      {hint === undefined ? null : <small>{hint}</small>}
    </span>
  </label>
);

const words = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter((each) => each !== ""))];

/** Several words, with spaces or commas between them. */
export const WordsInput = ({
  value,
  onValue,
  placeholder,
  suggestions,
  ...field
}: Common<readonly string[]> & { placeholder?: string; suggestions?: readonly string[] }) => {
  const [text, setText] = useState<string | null>(null);
  const shown = text !== null && words(text).join(" ") === value.join(" ") ? text : value.join(" ");
  return (
    <Field {...field}>
      {(input) => (
        <>
          <input
            {...input}
            type="text"
            autocomplete="off"
            spellcheck={false}
            placeholder={placeholder}
            list={suggestions === undefined ? undefined : `${input.id}-list`}
            value={shown}
            onInput={({ currentTarget }) => {
              setText(currentTarget.value);
              onValue(words(currentTarget.value));
            }}
          />
          {suggestions === undefined ? null : (
            <datalist id={`${input.id}-list`}>
              {suggestions.map((each) => (
                <option key={each} value={each} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Field>
  );
};
