// Who changed what and why, by feature, kind, actor and time.
import { ACTION_CHOICES, AUDIT_FILTERS, ChoiceField, FilterField, queryOf } from "../audit/audit-filters.tsx";
import { AuditLog } from "../audit/audit-log.tsx";
import { ExportMenu } from "../audit/export-menu.tsx";
import { useVerification, Verification } from "../audit/verify.tsx";
import { listAudit } from "../client.gen.ts";
import { useFilters } from "../parts/address.ts";
import { Loaded, Page } from "../parts/page.tsx";
import { Pager } from "../parts/pager.tsx";
import { useResource } from "../resource.ts";

const PAGE_SIZE = 50;

export default () => {
  const { filters, setFilters, withFilters, before, olderThan } = useFilters(AUDIT_FILTERS);
  const { check, failure, run } = useVerification();
  const query = queryOf(filters);
  const page = before === "" ? {} : { before: Number(before) };
  const audit = useResource(
    JSON.stringify([query, page]),
    () => listAudit({ ...query, ...page, limit: PAGE_SIZE }),
    { changes: ({ kind }) => kind === "change" },
  );
  const isFiltered = Object.values(filters).some((value) => value !== "");
  const actors = [...new Set(audit.data?.entries.map(({ actor }) => actor) ?? [])].toSorted();
  return (
    <Page
      title="Audit"
      lead="Who changed what and why. Each entry's hash covers the one before it, so nothing is changed or removed unseen."
      actions={
        <button
          type="button"
          disabled={check !== null && check.verdict === null && failure === null}
          onClick={run}
        >
          Verify the chain
        </button>
      }
    >
      <Verification check={check} failure={failure} />
      <form class="query" role="search" onSubmit={(event) => event.preventDefault()}>
        <FilterField name="feature" value={filters.feature} set={(feature) => setFilters({ feature })} />
        <ChoiceField
          label="Change"
          value={filters.action}
          all="All changes"
          choices={ACTION_CHOICES}
          set={(action) => setFilters({ action })}
        />
        <FilterField
          name="actor"
          value={filters.actor}
          suggestions={actors}
          set={(actor) => setFilters({ actor })}
        />
        <FilterField name="since" value={filters.since} set={(since) => setFilters({ since })} />
        <FilterField name="until" value={filters.until} set={(until) => setFilters({ until })} />
      </form>
      <ExportMenu query={query} />
      <Loaded from={audit}>
        {({ entries, next }) =>
          entries.length === 0 ? (
            <p class="empty">
              {isFiltered ? (
                <>
                  No entry has these properties. <a href="/audit">Show all</a>
                </>
              ) : (
                "Nothing has happened yet. The first feature that is made is the first entry."
              )}
            </p>
          ) : (
            <>
              <AuditLog entries={entries} />
              <Pager
                shown={entries.length}
                newest={before === "" ? null : withFilters({})}
                older={next === null ? null : olderThan(String(next))}
              />
            </>
          )
        }
      </Loaded>
    </Page>
  );
};
