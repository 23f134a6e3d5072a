// All features: a row each, by filters and in an order that stand in the address.
import { useLocation } from "preact-iso";
import { useEffect, useRef } from "preact/hooks";
import { formatCount } from "../format.ts";
import { FeatureRow } from "../features/feature-row.tsx";
import { Filters } from "../features/filters.tsx";
import "../features/list.css";
import { FIRST_ORDER, pathOf, readQuery, type ListQuery, type Sort } from "../features/query.ts";
import { NoFeature } from "../guide/no-feature.tsx";
import { useFeatureList, type FeatureList } from "../features/use-feature-list.ts";
import { useKeys } from "../features/use-keys.ts";
import { Loaded, Page } from "../parts/page.tsx";

const COLUMNS: readonly { readonly name: string; readonly sort?: Sort }[] = [
  { name: "Feature", sort: "featureId" },
  { name: "State", sort: "state" },
  { name: "People", sort: "exposed" },
  { name: "Signals" },
  { name: "Score" },
  { name: "Next decision", sort: "nearness" },
  { name: "Changed", sort: "updatedAt" },
];

type Props = { query: ListQuery; set: (change: Partial<ListQuery>) => void };

const Header = ({ query, set }: Props) => (
  <thead role="rowgroup">
    <tr role="row">
      {COLUMNS.map(({ name, sort }) => {
        if (sort === undefined)
          return (
            <th key={name} role="columnheader" scope="col">
              {name}
            </th>
          );
        const isSorted = query.sort === sort;
        const other = query.order === "asc" ? "desc" : "asc";
        return (
          <th
            key={name}
            role="columnheader"
            scope="col"
            aria-sort={isSorted ? (query.order === "asc" ? "ascending" : "descending") : "none"}
          >
            <button type="button" onClick={() => set({ sort, order: isSorted ? other : FIRST_ORDER[sort] })}>
              {name} <span aria-hidden="true">{isSorted ? (query.order === "asc" ? "↑" : "↓") : ""}</span>
            </button>
          </th>
        );
      })}
    </tr>
  </thead>
);

/** Loads the next page before its end is seen. */
const End = ({ list }: { list: FeatureList }) => {
  const end = useRef<HTMLParagraphElement>(null);
  const rows = list.loaded?.rows.length ?? 0;
  const total = list.loaded?.total ?? 0;
  useEffect(() => {
    if (end.current === null) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) list.more();
      },
      { rootMargin: "1200px" },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [rows, list.loaded?.key]);
  return (
    <p ref={end} class="count" role="status">
      {formatCount(rows)} of {formatCount(total)}
      {rows < total ? (
        <button type="button" onClick={list.more}>
          Show more
        </button>
      ) : null}
    </p>
  );
};

const isUnfiltered = ({ q, tag, owner, state, mode }: ListQuery): boolean =>
  q === "" && tag === "" && owner === "" && state === undefined && mode === undefined;

export const FeaturesPage = () => {
  const { query: inAddress, route } = useLocation();
  const query = readQuery(inAddress);
  const search = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLTableElement>(null);
  useKeys(search, table);
  const inSight = (): string[] =>
    [...(table.current?.querySelectorAll<HTMLElement>("tr[data-feature]") ?? [])].flatMap((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      const { feature } = row.dataset;
      return feature !== undefined && bottom > 0 && top < innerHeight ? [feature] : [];
    });
  const list = useFeatureList(query, inSight);
  const set = (change: Partial<ListQuery>): void => route(pathOf({ ...query, ...change }), true);

  return (
    <Page
      title="Features"
      lead="What is open, what closed itself, and why."
      actions={
        <a class="button primary" href="/new-feature">
          New feature
        </a>
      }
    >
      <Filters query={query} set={set} search={search} />
      <Loaded from={{ data: list.loaded, failure: list.failure, reload: list.reload }}>
        {({ rows }) =>
          rows.length === 0 ? (
            isUnfiltered(query) ? (
              <NoFeature />
            ) : (
              <p class="empty">No feature has these properties.</p>
            )
          ) : (
            <>
              {list.others === 0 ? null : (
                <p class="notice warn" role="status">
                  {list.others === 1
                    ? "A feature that is not shown here has changed. "
                    : `${formatCount(list.others)} features that are not shown here have changed. `}
                  <button type="button" class="link" onClick={list.reload}>
                    Ask for the list again
                  </button>
                </p>
              )}
              <table ref={table} class="feature-list" role="table" aria-label="Features">
                <Header query={query} set={set} />
                <tbody role="rowgroup">
                  {rows.map((feature) => (
                    <FeatureRow key={feature.featureId} feature={feature} />
                  ))}
                </tbody>
              </table>
              <End list={list} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
};
