import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { failureOf, type Failure } from "../api.ts";
import { Notice } from "./notice.tsx";
import { isWaiting, Waits } from "./waits.tsx";

/** A change that is asked about before it is made. A change that fails keeps what was typed. */
export const ChangeDialog = ({
  title,
  confirm,
  tone = "calm",
  children,
  change,
  close,
}: {
  title: string;
  /** What the button says: what will happen. */
  confirm: string;
  tone?: "calm" | "bad";
  children?: ComponentChildren;
  /** Carries out the change for this reason. */
  change: (reason: string) => Promise<unknown>;
  close: () => void;
}) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [waits, setWaits] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const answer = await change(reason.trim());
      if (isWaiting(answer)) setWaits(true);
      // Closing it gives the focus back to what opened it.
      else dialog.current?.close();
    } catch (error) {
      setFailure(failureOf(error));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="dialog-title">
      <form method="dialog" onSubmit={(event) => void submit(event)}>
        <h2 id="dialog-title">{title}</h2>
        {children}
        <label>
          Reason
          <textarea
            required
            rows={2}
            maxLength={1_000}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
            placeholder="It goes into the audit"
          />
        </label>
        {failure === null ? null : <Notice failure={failure} />}
        {waits ? <Waits /> : null}
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="submit"
            class={tone === "bad" ? "danger" : "primary"}
            disabled={isBusy || waits || reason.trim() === ""}
          >
            {confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
};
