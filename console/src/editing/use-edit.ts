// An edit of a document that others may change meanwhile: what was typed, what it was based on, and what changed since. Every
// editor of the console uses this one.
import { useEffect, useState } from "preact/hooks";
import { dropDraft, keepDraft, readDraft, type Draft } from "./drafts.ts";
import { differencesOf, isSame, mergeOf, type Difference, type Fields, type Side } from "./three-way.ts";

export type Edit<T> = {
  readonly mine: T;
  /** Of the document that the edit is based on: what a save names in `If-Match`. */
  readonly version: number;
  readonly isDirty: boolean;
  readonly change: (fields: Partial<T>) => void;
  /** Back to what is stored. */
  readonly discard: () => void;
  /** To be called when it was saved. */
  readonly saved: () => void;
  /** When what is shown was typed, if it comes from a draft that was left; null: it does not. */
  readonly restoredAt: string | null;
  /** What others changed, and was taken over beside what was typed. */
  readonly takenOver: readonly Difference[];
  /** What others and this person changed to different values. As long as there is any, nothing can be saved. */
  readonly conflicts: readonly Difference[];
  readonly choices: Readonly<Record<string, Side>>;
  readonly choose: (path: string, side: Side) => void;
  /** Goes on with what was chosen, on the newest version. */
  readonly settle: () => void;
};

type Options<T> = {
  /** Names the draft: `rule feat_a`. */
  readonly key: string;
  /** What is stored now, and its version. 0: nothing is stored yet. */
  readonly version: number;
  readonly stored: T;
  /** Fields whose own fields are merged one by one. */
  readonly nested?: readonly string[];
};

export const useEdit = <T extends Fields>({ key, version, stored, nested = [] }: Options<T>): Edit<T> => {
  const fresh = (): Draft<T> => ({ base: stored, version, mine: stored, at: "" });
  const [held, setHeld] = useState<Draft<T>>(() => readDraft<T>(key) ?? fresh());
  const [restoredAt, setRestoredAt] = useState<string | null>(held.at === "" ? null : held.at);
  const [takenOver, setTakenOver] = useState<readonly Difference[]>([]);
  const [choices, setChoices] = useState<Readonly<Record<string, Side>>>({});

  const isDirty = !isSame(held.mine, held.base);
  const hasNews = version !== held.version;
  const differences = hasNews ? differencesOf({ ...held, theirs: stored }, nested) : [];
  const conflicts = differences.filter(({ by }) => by === "both");
  const rebase = (chosen: Readonly<Record<string, Side>>): void => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fields of T among fields of T are a T
    const mine = mergeOf(stored, differences, chosen) as T;
    setHeld({ base: stored, version, mine, at: held.at });
    setChoices({});
    if (isDirty) setTakenOver((before) => [...before, ...differences.filter(({ by }) => by === "theirs")]);
  };

  useEffect(() => {
    if (hasNews && conflicts.length === 0) rebase({});
  }, [version, held.version, conflicts.length]);
  useEffect(() => {
    if (isDirty) keepDraft(key, held);
    else dropDraft(key);
  }, [key, held]);

  return {
    mine: held.mine,
    version: held.version,
    isDirty,
    change: (fields) =>
      setHeld((before) => ({
        ...before,
        mine: { ...before.mine, ...fields },
        at: new Date().toISOString(),
      })),
    discard: () => {
      // At once, and not with the next effect: the page may be left in the same moment.
      dropDraft(key);
      setHeld(fresh());
      setRestoredAt(null);
      setTakenOver([]);
      setChoices({});
    },
    saved: () => {
      dropDraft(key);
      setHeld((before) => ({ ...before, base: before.mine }));
      setRestoredAt(null);
      setTakenOver([]);
    },
    restoredAt: isDirty ? restoredAt : null,
    takenOver: isDirty ? takenOver : [],
    conflicts,
    choices,
    choose: (path, side) => setChoices((before) => ({ ...before, [path]: side })),
    settle: () => rebase(choices),
  };
};
