// The admin API as the console asks it: with the session's cookie, and its CSRF token where something changes.
import { HttpError } from "@oazapfts/runtime";
import { signal } from "@preact/signals";
import { defaults, getMe, type Me, type Problem } from "./client.gen.ts";

/** undefined: not known yet. null: nobody is signed in. */
export const me = signal<Me | null | undefined>(undefined);

export type FieldFault = {
  /** Dotted path: `gate.whenClosed.to`. */
  readonly field: string;
  readonly detail: string;
};

export type Failure = {
  readonly status: number;
  readonly title: string;
  readonly details: readonly string[];
  /** Each wrong field. They stand in `details` too. */
  readonly fields: readonly FieldFault[];
  /** The reason in one word; null: the answer has none. */
  readonly reason: string | null;
};

const isProblem = (data: unknown): data is Problem =>
  typeof data === "object" && data !== null && "title" in data && typeof data.title === "string";

/** What went wrong, in words that say what to do. */
export const failureOf = (error: unknown): Failure => {
  if (!(error instanceof HttpError))
    return {
      status: 0,
      title: "The origin does not answer",
      details: ["What is shown may be old. The console asks again by itself."],
      fields: [],
      reason: null,
    };
  const { status, data } = error;
  if (!isProblem(data))
    return { status, title: `The origin answered ${status}`, details: [], fields: [], reason: null };
  const { title, detail, errors: fields = [], reason = null } = data;
  // The detail of a problem with fields repeats them.
  const details =
    fields.length > 0
      ? fields.map((each) => `${each.field === "" ? "" : `${each.field}: `}${each.detail}`)
      : detail === undefined
        ? []
        : [detail];
  return { status, title, details, fields, reason };
};

const signInUrl = (): string =>
  `/auth/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;

/** Whether the page is left for the sign-in page, which leads back to it: nobody need be asked. */
export const isSigningIn = signal(false);

export const signIn = (): void => {
  isSigningIn.value = true;
  location.assign(signInUrl());
};

export const loadMe = async (): Promise<void> => {
  try {
    const known = await getMe();
    const token = known.session?.csrfToken;
    if (token !== undefined) defaults.headers = { "X-Sluice-Csrf": token };
    me.value = known;
  } catch (error) {
    if (error instanceof HttpError && error.status === 401) me.value = null;
    else throw error;
  }
};

const RANKS = { viewer: 0, editor: 1, admin: 2 } as const;

/** Why the signed-in person may not do something; null: they may. */
export const whyNot = (scope: "editor" | "admin", tags: readonly string[] = []): string | null => {
  const known = me.value;
  if (known === null || known === undefined) return "You are not signed in.";
  if (RANKS[known.scope] < RANKS[scope]) return `Needs the scope ${scope}; you have ${known.scope}.`;
  if (known.tags !== null && !known.tags.some((tag) => tags.includes(tag)))
    return `You may change features tagged ${known.tags.join(" or ")} only.`;
  return null;
};
