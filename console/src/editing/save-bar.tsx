// The end of every editor: why one saves, the button, and what became of it. A save that fails keeps what was typed.
import { useState } from "preact/hooks";
import { failureOf, me, signIn, type Failure } from "../api.ts";
import { isWaiting, Waits } from "../parts/waits.tsx";
import { Time } from "../parts/time.tsx";
import type { Edit } from "./use-edit.ts";

export type Save = (reason: string, options: { readonly force?: "true" }) => Promise<unknown>;

export type Saving = {
  readonly failure: Failure | null;
  readonly isBusy: boolean;
  readonly waits: boolean;
  readonly reason: string;
  readonly setReason: (reason: string) => void;
  readonly save: (options?: { readonly force?: "true" }) => void;
};

/** `done`: it is saved, or waits. `moved`: somebody else was first, so what is stored has to be read again. */
export const useSaving = <T,>({
  edit,
  save,
  done,
  moved,
}: {
  edit: Edit<T>;
  save: Save;
  done: (answer: unknown) => void;
  moved: () => void;
}): Saving => {
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [waits, setWaits] = useState(false);
  const [reason, setReason] = useState("");
  const attempt = async (options: { readonly force?: "true" }): Promise<void> => {
    setBusy(true);
    setWaits(false);
    try {
      const answer = await save(reason.trim(), options);
      setFailure(null);
      setReason("");
      const isAsked = isWaiting(answer);
      setWaits(isAsked);
      // What waits is not what is stored.
      if (isAsked) edit.discard();
      else edit.saved();
      done(answer);
    } catch (error) {
      const found = failureOf(error);
      setFailure(found);
      if (found.status === 412) moved();
    } finally {
      setBusy(false);
    }
  };
  return { failure, isBusy, waits, reason, setReason, save: (options = {}) => void attempt(options) };
};

const Refused = ({ failure, again }: { failure: Failure; again: Saving["save"] }) => {
  const detail = failure.details.map((text) => <p key={text}>{text}</p>);
  switch (failure.status) {
    case 0:
      return (
        <>
          <strong>The origin does not answer, so nothing is saved.</strong>
          <p>What you typed is kept in this tab. Save again when the origin answers.</p>
        </>
      );
    case 400:
      return (
        <>
          <strong>Nothing is saved: something is wrong.</strong>
          {detail}
        </>
      );
    case 401:
      return (
        <>
          <strong>You are no longer signed in, so nothing is saved.</strong>
          <p>What you typed is kept in this tab.</p>
          <button type="button" onClick={signIn}>
            Sign in again
          </button>
        </>
      );
    case 412:
      return (
        <>
          <strong>Somebody else was first, so nothing is saved yet.</strong>
          <p>Look at what they changed, above, and save again.</p>
        </>
      );
    default:
      return (
        <>
          <strong>Nothing is saved.</strong>
          {detail}
          {failure.reason === "lockedDown" ? (
            <button type="button" class="danger" onClick={() => again({ force: "true" })}>
              Save in spite of the lockdown
            </button>
          ) : null}
          {failure.reason === "approvalNeeded" && me.value?.scope === "admin" ? (
            <button type="button" class="danger" onClick={() => again({ force: "true" })}>
              Save without a second person
            </button>
          ) : null}
        </>
      );
  }
};

/** Says that what is shown was typed before and not saved. */
export const Restored = <T,>({ edit }: { edit: Edit<T> }) =>
  edit.restoredAt === null ? null : (
    <p class="notice calm restored" role="status">
      What you typed <Time at={edit.restoredAt} ago /> and did not save is here again.{" "}
      <button type="button" class="link" onClick={edit.discard}>
        Throw it away
      </button>
    </p>
  );

export const SaveBar = <T,>({
  edit,
  saving,
  refusal,
  name,
  isNew = false,
}: {
  edit: Edit<T>;
  saving: Saving;
  /** Why it may not be saved; null: it may. */
  refusal: string | null;
  /** What the button says. */
  name: string;
  isNew?: boolean;
}) => {
  const { failure, waits, isBusy, reason, setReason } = saving;
  const blocked =
    refusal ??
    (edit.conflicts.length > 0
      ? "Choose first which changes to keep."
      : !edit.isDirty && !isNew
        ? "Nothing is changed."
        : reason.trim() === ""
          ? "Say why: the reason goes into the audit."
          : null);
  return (
    <div class="save-bar">
      {failure === null ? null : (
        <div class="notice bad" role="alert">
          <Refused failure={failure} again={saving.save} />
        </div>
      )}
      {waits ? <Waits /> : null}
      <div class="save-row">
        <label>
          Reason
          <input
            type="text"
            maxLength={2_000}
            value={reason}
            autocomplete="off"
            placeholder="It goes into the audit"
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" disabled={isBusy || blocked !== null} title={blocked ?? ""}>
          {name}
        </button>
        <button type="button" disabled={!edit.isDirty || isBusy} onClick={edit.discard}>
          Discard
        </button>
      </div>
      {blocked === null ? null : <small class="blocked">{blocked}</small>}
    </div>
  );
};
