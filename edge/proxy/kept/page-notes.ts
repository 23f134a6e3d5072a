// What an isolate has learned of the URLs of feature routes: whose pages may be kept, and by which request headers they
// differ. The first request for a URL goes upstream as its visitor sent it, and what comes back says which of the two it is.

/** `vary`: lower case, in order. */
export type Shared = { readonly kind: "shared"; readonly vary: readonly string[] };
export type PageNote = Shared | { readonly kind: "apart"; readonly untilMs: number };

/** Two generations of this many URLs. */
const GENERATION = 5_000;

export type PageNotes = {
  /** null: nothing is known. */
  readonly get: (url: string, nowMs: number) => PageNote | null;
  /** Headers that were known before stay: pages of two cohorts may differ by different ones. */
  readonly share: (url: string, vary: readonly string[]) => void;
  /** The URL's pages, or the page of one key, are not kept, and nobody asks until `untilMs`. */
  readonly setApart: (urlOrKey: string, untilMs: number) => void;
};

export const makePageNotes = (): PageNotes => {
  let young = new Map<string, PageNote>();
  let old = new Map<string, PageNote>();

  const set = (url: string, note: PageNote): void => {
    if (young.size >= GENERATION && !young.has(url)) {
      old = young;
      young = new Map();
    }
    young.set(url, note);
  };

  const find = (url: string): PageNote | null => {
    const known = young.get(url);
    if (known !== undefined) return known;
    const aged = old.get(url);
    if (aged === undefined) return null;
    set(url, aged);
    return aged;
  };

  return {
    get: (url, nowMs) => {
      const note = find(url);
      return note !== null && note.kind === "apart" && note.untilMs <= nowMs ? null : note;
    },
    share: (url, vary) => {
      const note = find(url);
      const known = note?.kind === "shared" ? note.vary : [];
      set(url, { kind: "shared", vary: [...new Set([...known, ...vary])].toSorted() });
    },
    setApart: (url, untilMs) => set(url, { kind: "apart", untilMs }),
  };
};
