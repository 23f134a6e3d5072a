import { useEffect, useState } from "preact/hooks";
import { FEATURE_STATES, MODE_NAMES } from "../words.ts";
import { FIRST_ORDER, MODES, STATES, type ListQuery, type Sort } from "./query.ts";

/** One types faster than the list answers. */
const TYPED_MS = 120;

const SORT_NAMES: Readonly<Record<Sort, string>> = {
  featureId: "Name",
  state: "State",
  exposed: "Size of cohort",
  nearness: "Nearness of a decision",
  updatedAt: "Last change",
};
const isSort = (value: string): value is Sort => Object.hasOwn(SORT_NAMES, value);

export const Filters = ({
  query,
  set,
  search,
}: {
  query: ListQuery;
  set: (change: Partial<ListQuery>) => void;
  search: { current: HTMLInputElement | null };
}) => {
  const [typed, setTyped] = useState(query.q);
  useEffect(() => setTyped(query.q), [query.q]);
  useEffect(() => {
    if (typed === query.q) return undefined;
    const timer = setTimeout(() => set({ q: typed }), TYPED_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <input
        ref={search}
        type="search"
        aria-label="Search features"
        placeholder="Search (/)"
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <select
        aria-label="State"
        value={query.state ?? ""}
        onChange={({ currentTarget: { value } }) => set({ state: STATES.find((each) => each === value) })}
      >
        <option value="">Any state</option>
        {STATES.map((state) => (
          <option key={state} value={state}>
            {FEATURE_STATES[state]}
          </option>
        ))}
      </select>
      <select
        aria-label="Mode"
        value={query.mode ?? ""}
        onChange={({ currentTarget: { value } }) => set({ mode: MODES.find((each) => each === value) })}
      >
        <option value="">Any mode</option>
        {MODES.map((mode) => (
          <option key={mode} value={mode}>
            {MODE_NAMES[mode]}
          </option>
        ))}
      </select>
      <select
        class="sort"
        aria-label="Sort by"
        value={query.sort}
        onChange={({ currentTarget: { value } }) => {
          if (isSort(value)) set({ sort: value, order: FIRST_ORDER[value] });
        }}
      >
        {Object.entries(SORT_NAMES).map(([sort, name]) => (
          <option key={sort} value={sort}>
            {name}
          </option>
        ))}
      </select>
      {(["tag", "owner"] as const).map((name) =>
        query[name] === "" ? null : (
          <button key={name} type="button" class="tag" onClick={() => set({ [name]: "" })}>
            {name} {query[name]} <span aria-hidden="true">×</span>
            <span class="visually-hidden"> (remove this filter)</span>
          </button>
        ),
      )}
    </form>
  );
};
