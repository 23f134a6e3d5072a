// A dialog that asks before something is done, with fields where it needs any. What was typed stays when it fails.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { failureOf, type Failure } from "../api.ts";
import { Notice } from "./notice.tsx";

export const Ask = ({
  title,
  confirm,
  tone = "calm",
  isReady = true,
  children,
  run,
  close,
}: {
  title: string;
  /** What the button says: what will happen. */
  confirm: string;
  tone?: "calm" | "bad";
  /** Whether all is there that it needs. */
  isReady?: boolean;
  children: ComponentChildren;
  /** The dialog closes when it is done; false: it stays, to show what came of it. */
  run: () => Promise<unknown>;
  close: () => void;
}) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const answer = await run();
      setFailure(null);
      if (answer !== false) dialog.current?.close();
    } catch (error) {
      setFailure(failureOf(error));
    }
    setBusy(false);
  };
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby={id}>
      <form onSubmit={(event) => void submit(event)}>
        <h2 id={id}>{title}</h2>
        {children}
        {failure === null ? null : <Notice failure={failure} />}
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class={tone === "bad" ? "danger" : "primary"} disabled={isBusy || !isReady}>
            {confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
};

/** Something that is shown once and then closed, such as a secret. */
export const Shown = ({
  title,
  children,
  close,
}: {
  title: string;
  children: ComponentChildren;
  close: () => void;
}) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
      <div class="actions">
        <button type="button" class="primary" onClick={() => dialog.current?.close()}>
          Done
        </button>
      </div>
    </dialog>
  );
};
