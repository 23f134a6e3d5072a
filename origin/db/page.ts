// Lists are read page by page: each page is asked for with one row more than it has, which tells whether another one follows.

export type Page<T, C> = {
  readonly items: readonly T[];
  /** Names the last item, so that the next page begins after it; null at the end. */
  readonly next: C | null;
};

/** `rows`: at most one more than `limit`. */
export const pageOf = <T, C>(rows: readonly T[], limit: number, cursorOf: (row: T) => C): Page<T, C> => {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? cursorOf(last) : null };
};
