// What was typed and not saved, kept in this tab: it survives a reload and a sign-out, and is given back to whom it is from.
import { me } from "../api.ts";

export type Draft<T> = {
  /** What the fields were when the edit began, and the version that had them. */
  readonly base: T;
  readonly version: number;
  readonly mine: T;
  /** When something was typed last. */
  readonly at: string;
};

const placeOf = (key: string): string => `sluice.draft.${me.value?.actor ?? ""}.${key}`;

const isDraft = <T>(value: unknown): value is Draft<T> =>
  typeof value === "object" &&
  value !== null &&
  "base" in value &&
  "mine" in value &&
  "version" in value &&
  typeof value.version === "number" &&
  "at" in value &&
  typeof value.at === "string";

/** null: nothing was left, or the console that left it was another one. */
export const readDraft = <T>(key: string): Draft<T> | null => {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(placeOf(key)) ?? "null");
    return isDraft<T>(kept) ? kept : null;
  } catch {
    return null;
  }
};

/** A tab that may keep nothing (its storage is full or switched off) still edits. */
export const keepDraft = <T>(key: string, draft: Draft<T>): void => {
  try {
    sessionStorage.setItem(placeOf(key), JSON.stringify(draft));
  } catch {
    dropDraft(key);
  }
};

export const dropDraft = (key: string): void => sessionStorage.removeItem(placeOf(key));
