import type { TargetedSubmitEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { failureOf, type Failure } from "../api.ts";
import { createToken } from "../client.gen.ts";
import { Notice } from "../parts/notice.tsx";

const SCOPES = {
  viewer: "Viewer: reads everything",
  editor: "Editor: changes features",
  admin: "Admin: does everything",
  ingest: "Ingest: sends telemetry and nothing else",
} as const;
type Scope = keyof typeof SCOPES;
const isScope = (text: string): text is Scope => Object.hasOwn(SCOPES, text);

const DAY_MS = 86_400_000;

export const NewTokenDialog = ({ close }: { close: () => void }) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const text = (name: string): string => {
      const value = fields.get(name);
      return typeof value === "string" ? value.trim() : "";
    };
    const scope = text("scope");
    const days = Number(text("days"));
    const tags = text("tags")
      .split(/[\s,]+/)
      .filter((tag) => tag !== "");
    if (!isScope(scope)) return;
    try {
      const made = await createToken({
        name: text("name"),
        scope,
        tags: tags.length === 0 ? null : tags,
        expiresAt: days > 0 ? new Date(Date.now() + days * DAY_MS).toISOString() : null,
      });
      setSecret(made.secret);
      setFailure(null);
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="token-title">
      <h2 id="token-title">{secret === null ? "New token" : "The token, shown this once"}</h2>
      {secret === null ? (
        <form onSubmit={(event) => void submit(event)}>
          <label>
            Name
            <input name="name" required maxLength={64} placeholder="deploy-pipeline" />
          </label>
          <label>
            May do
            <select name="scope">
              {Object.entries(SCOPES).map(([scope, words]) => (
                <option key={scope} value={scope}>
                  {words}
                </option>
              ))}
            </select>
          </label>
          <label>
            Only features with one of these tags <input name="tags" placeholder="all features" />
          </label>
          <label>
            Ends after days <input name="days" type="number" min={0} max={3_650} defaultValue="90" />
          </label>
          {failure === null ? null : <Notice failure={failure} />}
          <div class="actions">
            <button type="button" onClick={close}>
              Cancel
            </button>
            <button type="submit" class="primary">
              Make it
            </button>
          </div>
        </form>
      ) : (
        <>
          <p>
            <code class="secret">{secret}</code>
          </p>
          <div class="actions">
            <button type="button" onClick={() => void navigator.clipboard.writeText(secret)}>
              Copy
            </button>
            <button type="button" class="primary" onClick={close}>
              I have it
            </button>
          </div>
        </>
      )}
    </dialog>
  );
};
