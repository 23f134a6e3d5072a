// All features: a row each, by filters that stand in the address.
import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import { listFeatures, type ListedFeature } from "../client.gen.ts";
import { formatBps, formatCount } from "../format.ts";
import { Badge } from "../parts/badge.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { stateOf, withoutState } from "../words.ts";

const STATES = ["open", "closed", "rolledBack"] as const;
type State = (typeof STATES)[number];
const STATE_NAMES = { open: "Open", closed: "Closed", rolledBack: "Rolled back" } as const;
const PAGE_SIZE = 100;

/** The decision in one sentence, without the word that the row has already. */
const sentenceOf = (feature: ListedFeature): string => {
  if (feature.rolledBackAt !== null) return withoutState(feature.rollbackReason ?? "");
  if (feature.verdict === null) return feature.mode === null ? "It has no rule." : "";
  return withoutState(feature.verdict.sentence);
};

const filtersOf = (query: Record<string, string>) => {
  const state = STATES.find((each) => each === query["state"]);
  const { q = "", tag = "" } = query;
  return { q, tag, state };
};

const Row = ({ feature }: { feature: ListedFeature }) => {
  const { holdoutBps = 0 } = feature;
  return (
    <tr>
      <th scope="row">
        <a href={`/features/${encodeURIComponent(feature.featureId)}`}>{feature.featureId}</a>
        {feature.tags.map((tag) => (
          <a key={tag} class="tag" href={`/?tag=${encodeURIComponent(tag)}`}>
            {tag}
          </a>
        ))}
        {feature.owner === null ? null : <small>{feature.owner}</small>}
      </th>
      <td>
        <Badge state={stateOf(feature)} />
        {feature.mode === "shadow" && feature.enabled ? <small>in shadow</small> : null}
      </td>
      <td class="number">
        {formatBps(feature.rolloutBps)}
        {holdoutBps > 0 ? <small>holdout {formatBps(holdoutBps)}</small> : null}
      </td>
      <td class="sentence">{sentenceOf(feature)}</td>
      <td>
        <Time at={feature.verdict?.at ?? feature.updatedAt} ago />
      </td>
    </tr>
  );
};

/** `/` leads to the search, `j` and `k` from row to row. */
const useKeys = (
  search: { current: HTMLInputElement | null },
  table: { current: HTMLTableElement | null },
): void => {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isTyping =
        event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
      if (isTyping || event.metaKey || event.ctrlKey || event.altKey) return;
      if (event.key === "/") {
        event.preventDefault();
        search.current?.focus();
      }
      if (event.key !== "j" && event.key !== "k") return;
      const links = [...(table.current?.querySelectorAll<HTMLAnchorElement>("th > a:first-child") ?? [])];
      const at = links.findIndex((link) => link === document.activeElement);
      links[event.key === "j" ? at + 1 : Math.max(0, at - 1)]?.focus();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
};

export const FeaturesPage = () => {
  const { query, route } = useLocation();
  const { q, tag, state } = filtersOf(query);
  const [pages, setPages] = useState(1);
  const search = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLTableElement>(null);
  useKeys(search, table);

  const filters = {
    ...(q === "" ? {} : { q }),
    ...(tag === "" ? {} : { tag }),
    ...(state === undefined ? {} : { state }),
  };
  const setFilters = (next: { q?: string; tag?: string; state?: State | undefined }): void => {
    const entries = Object.entries({ q, tag, state, ...next }).flatMap(([name, value]) =>
      value === undefined || value === "" ? [] : [[name, value]],
    );
    setPages(1);
    route(entries.length === 0 ? "/" : `/?${new URLSearchParams(entries)}`, true);
  };
  const readPages = async (): Promise<{ features: ListedFeature[]; total: number }> => {
    const features: ListedFeature[] = [];
    let total = 0;
    let after: string | undefined;
    for (let page = 0; page < pages; page++) {
      const answer = await listFeatures({
        ...filters,
        limit: PAGE_SIZE,
        ...(after === undefined ? {} : { after }),
      });
      features.push(...answer.features);
      ({ total } = answer);
      if (answer.next === null) break;
      after = String(answer.next);
    }
    return { features, total };
  };
  const features = useResource(JSON.stringify([filters, pages]), readPages, {
    // Of a thousand features some are evaluated all the time.
    changes: ({ kind }) => kind === "change",
    everyMs: 5_000,
  });

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
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <input
          ref={search}
          type="search"
          aria-label="Search features"
          placeholder="Search (/)"
          value={q}
          onInput={(event) => setFilters({ q: event.currentTarget.value })}
        />
        <div class="choices" role="group" aria-label="State">
          <button
            type="button"
            aria-pressed={state === undefined}
            onClick={() => setFilters({ state: undefined })}
          >
            All
          </button>
          {STATES.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={state === each}
              onClick={() => setFilters({ state: each })}
            >
              {STATE_NAMES[each]}
            </button>
          ))}
        </div>
        {tag === "" ? null : (
          <button type="button" class="tag" onClick={() => setFilters({ tag: "" })}>
            {tag} <span aria-label="remove">×</span>
          </button>
        )}
      </form>
      <Loaded from={features}>
        {({ features: rows, total }) =>
          rows.length === 0 ? (
            <p class="empty">
              {q === "" && tag === "" && state === undefined
                ? "There is no feature yet. The first one is made with `npx sluice init` or by the API."
                : "No feature has these properties."}
            </p>
          ) : (
            <>
              <div class="scroll">
                <table ref={table} class="features">
                  <thead>
                    <tr>
                      <th scope="col">Feature</th>
                      <th scope="col">State</th>
                      <th scope="col">Rollout</th>
                      <th scope="col">Why</th>
                      <th scope="col">Since</th>
                    </tr>
                  </thead>
                  <tbody>
                    {rows.map((feature) => (
                      <Row key={feature.featureId} feature={feature} />
                    ))}
                  </tbody>
                </table>
              </div>
              <p class="count">
                {formatCount(rows.length)} of {formatCount(total)}
                {rows.length < total ? (
                  <button type="button" onClick={() => setPages(pages + 1)}>
                    Show more
                  </button>
                ) : null}
              </p>
            </>
          )
        }
      </Loaded>
    </Page>
  );
};
