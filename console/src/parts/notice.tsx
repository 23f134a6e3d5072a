import type { Failure } from "../api.ts";

/** An error, with what to do. */
export const Notice = ({ failure, retry }: { failure: Failure; retry?: () => void }) => (
  <div class="notice bad" role="alert">
    <strong>{failure.title}</strong>
    {failure.details.map((detail) => (
      <p key={detail}>{detail}</p>
    ))}
    {retry === undefined ? null : (
      <button type="button" onClick={retry}>
        Try again
      </button>
    )}
  </div>
);
