/** A button that says why it may not be used. */
export const Action = ({
  name,
  refusal,
  tone = "calm",
  onClick,
}: {
  name: string;
  /** null: it may be used. */
  refusal: string | null;
  tone?: "calm" | "bad" | "primary";
  onClick: () => void;
}) => (
  <button
    type="button"
    class={tone === "bad" ? "danger" : tone === "primary" ? "primary" : ""}
    aria-disabled={refusal !== null}
    title={refusal ?? undefined}
    onClick={() => {
      if (refusal === null) onClick();
    }}
  >
    {name}
    {refusal === null ? null : <span class="visually-hidden"> (not available: {refusal})</span>}
  </button>
);
