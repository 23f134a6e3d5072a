// What is looked for and in which order, as the address of the page has it.
const SORTS = ["featureId", "state", "exposed", "nearness", "updatedAt"] as const;
export type Sort = (typeof SORTS)[number];
export type Order = "asc" | "desc";

export const STATES = [
  "open",
  "closed",
  "rolledBack",
  "unwatched",
  "waiting",
  "COLLECTING",
  "TESTING",
  "UNDECIDED",
  "KEEP",
  "WATCH",
  "ROLLBACK",
  "INVALID",
] as const;
export const MODES = ["shadow", "enforce", "none"] as const;

export type ListQuery = {
  readonly q: string;
  readonly tag: string;
  readonly owner: string;
  readonly state: (typeof STATES)[number] | undefined;
  readonly mode: (typeof MODES)[number] | undefined;
  readonly sort: Sort;
  readonly order: Order;
};

/** In which order a column is looked at first: what is nearest, largest or newest comes before. */
export const FIRST_ORDER: Readonly<Record<Sort, Order>> = {
  featureId: "asc",
  state: "asc",
  exposed: "desc",
  nearness: "desc",
  updatedAt: "desc",
};

export const readQuery = (query: Readonly<Record<string, string>>): ListQuery => {
  const { q = "", tag = "", owner = "" } = query;
  const sort = SORTS.find((each) => each === query["sort"]) ?? "featureId";
  const { order } = query;
  return {
    q,
    tag,
    owner,
    state: STATES.find((each) => each === query["state"]),
    mode: MODES.find((each) => each === query["mode"]),
    sort,
    order: order === "asc" || order === "desc" ? order : FIRST_ORDER[sort],
  };
};

/** As the API is asked: what is not looked for is not named. */
export const filtersOf = ({ q, tag, owner, state, mode }: ListQuery) => ({
  ...(q === "" ? {} : { q }),
  ...(tag === "" ? {} : { tag }),
  ...(owner === "" ? {} : { owner }),
  ...(state === undefined ? {} : { state }),
  ...(mode === undefined ? {} : { mode }),
});

export const pathOf = (query: ListQuery): string => {
  const { sort, order } = query;
  const entries = Object.entries({
    ...filtersOf(query),
    ...(sort === "featureId" && order === "asc" ? {} : { sort }),
    ...(order === FIRST_ORDER[sort] ? {} : { order }),
  });
  return entries.length === 0 ? "/" : `/?${new URLSearchParams(entries)}`;
};
