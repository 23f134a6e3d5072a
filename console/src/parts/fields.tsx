/** A field of several words, such as tags: separated by spaces or commas. */
export const wordsOf = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

export const TextField = ({
  label,
  value,
  set,
  hint,
  required = false,
  placeholder,
  type = "text",
}: {
  label: string;
  value: string;
  set: (value: string) => void;
  hint?: string;
  required?: boolean;
  placeholder?: string;
  type?: "text" | "datetime-local";
}) => (
  <label>
    {label}
    {type === "text" ? (
      <input
        type="text"
        required={required}
        value={value}
        placeholder={placeholder}
        onInput={(event) => set(event.currentTarget.value)}
      />
    ) : (
      <input
        type="datetime-local"
        required={required}
        value={value}
        onInput={(event) => set(event.currentTarget.value)}
      />
    )}
    {hint === undefined ? null : <small>{hint}</small>}
  </label>
);

export const SelectField = <T extends string>({
  label,
  value,
  choices,
  set,
  hint,
}: {
  label: string;
  value: T;
  choices: readonly (readonly [T, string])[];
  set: (value: T) => void;
  hint?: string | undefined;
}) => (
  <label>
    {label}
    <select
      value={value}
      onChange={(event) => {
        const chosen = choices.find(([key]) => key === event.currentTarget.value);
        if (chosen !== undefined) set(chosen[0]);
      }}
    >
      {choices.map(([key, name]) => (
        <option key={key} value={key}>
          {name}
        </option>
      ))}
    </select>
    {hint === undefined ? null : <small>{hint}</small>}
  </label>
);
