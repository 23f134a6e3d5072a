// Every rollback, one row each; a row leads to its evidence, its way to the edges and its receipt.
import { ChoiceField, FilterField, queryOf, ROLLBACK_FILTERS } from "../audit/audit-filters.tsx";
import { CAUSES } from "../audit/words.ts";
import { listAudit } from "../client.gen.ts";
import { useFilters } from "../parts/address.ts";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Pager } from "../parts/pager.tsx";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { withoutState } from "../words.ts";
import "../audit/audit.css";
import "../parts/stacked.css";

const PAGE_SIZE = 50;

export default () => {
  const { filters, setFilters, withFilters, before, olderThan } = useFilters(ROLLBACK_FILTERS);
  const query = { ...queryOf(filters), action: "rollback" as const };
  const page = before === "" ? {} : { before: Number(before) };
  const rollbacks = useResource(
    JSON.stringify([query, page]),
    () => listAudit({ ...query, ...page, limit: PAGE_SIZE }),
    { changes: ({ kind }) => kind === "change" },
  );
  const isFiltered = Object.values(filters).some((value) => value !== "");
  return (
    <Page
      title="Rollbacks"
      lead="Every feature that was closed because it failed: why, by whom, and when each edge had it."
    >
      <form class="query" role="search" onSubmit={(event) => event.preventDefault()}>
        <FilterField name="feature" value={filters.feature} set={(feature) => setFilters({ feature })} />
        <ChoiceField
          label="Cause"
          value={filters.cause}
          all="All causes"
          choices={Object.entries(CAUSES).map(([cause, { name }]) => [cause, name])}
          set={(cause) => setFilters({ cause })}
        />
        <FilterField name="actor" value={filters.actor} set={(actor) => setFilters({ actor })} />
        <FilterField name="since" value={filters.since} set={(since) => setFilters({ since })} />
        <FilterField name="until" value={filters.until} set={(until) => setFilters({ until })} />
      </form>
      <Loaded from={rollbacks}>
        {({ entries, next }) => (
          <div class="stacked">
            <Rows
              rows={entries}
              keyOf={({ seq }) => String(seq)}
              empty={
                isFiltered ? (
                  <>
                    No rollback has these properties. <a href="/rollbacks">Show all</a>
                  </>
                ) : (
                  "Nothing was rolled back yet. A feature with a rule in enforce closes by itself when the evidence against it reaches its bar."
                )
              }
              columns={[
                {
                  name: "When",
                  cell: ({ at, revision }) => (
                    <a href={`/rollbacks/${revision}`}>
                      <Time at={at} />
                    </a>
                  ),
                },
                { name: "Feature", cell: ({ featureId }) => <FeatureLink featureId={featureId} /> },
                {
                  name: "Cause",
                  cell: ({ cause }) =>
                    cause === null ? "–" : <span title={CAUSES[cause].means}>{CAUSES[cause].name}</span>,
                },
                { name: "By", cell: ({ actor }) => actor },
                { name: "Why", cell: ({ reason }) => withoutState(reason) },
              ]}
            />
            <Pager
              shown={entries.length}
              newest={before === "" ? null : withFilters({})}
              older={next === null ? null : olderThan(String(next))}
            />
          </div>
        )}
      </Loaded>
    </Page>
  );
};
