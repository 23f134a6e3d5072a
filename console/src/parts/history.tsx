import { useState } from "preact/hooks";
import { listAudit, type AuditEntry } from "../client.gen.ts";
import { changeName } from "../feature/change-name.ts";
import { FieldChanges } from "../feature/field-changes.tsx";
import { useResource } from "../resource.ts";
import { withoutState } from "../words.ts";
import { Loaded } from "./page.tsx";
import { Time } from "./time.tsx";

const isRolledBack = ({ action }: AuditEntry): boolean => action === "rollback";

const PAGE = 50;

type Filters = { featureId?: string; action?: "rollback" };

/** The newest `pages` pages, one after the other. */
const readPages = async (filters: Filters, pages: number) => {
  const entries: AuditEntry[] = [];
  let next: string | number | null = null;
  for (let page = 0; page < pages && (page === 0 || next !== null); page += 1) {
    const answer: Awaited<ReturnType<typeof listAudit>> = await listAudit({
      ...filters,
      limit: PAGE,
      ...(next === null ? {} : { before: Number(next) }),
    });
    entries.push(...answer.entries);
    next = answer.next;
  }
  return { entries, next };
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const partOf = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);

const textOf = (value: unknown, name: string): string | null => {
  const found = partOf(value, name);
  return typeof found === "string" ? found : null;
};

/** By whose leave it happened: an approval, a schedule, an alert, a file. */
const Leave = ({ details }: { details: AuditEntry["details"] }) => {
  const approvedBy = textOf(details["approval"], "approvedBy");
  const scheduleId = textOf(details["schedule"], "scheduleId");
  const hook = textOf(partOf(details["evidence"], "alert"), "hook");
  const source = textOf(details["config"], "source");
  return (
    <>
      {approvedBy === null ? null : (
        <a class="by-leave" href="/approvals">
          approved by {approvedBy}
        </a>
      )}
      {scheduleId === null ? null : (
        <a class="by-leave" href="/approvals">
          by a schedule
        </a>
      )}
      {hook === null ? null : (
        <a class="by-leave" href="/hooks">
          by an alert of {hook}
        </a>
      )}
      {source === null ? null : <span class="by-leave">from the files of {source}</span>}
    </>
  );
};

/** The audit's entries, newest first, each with what it changed; of one feature or one kind if wanted. */
export const History = ({ featureId, action }: { featureId?: string; action?: "rollback" }) => {
  const [pages, setPages] = useState(1);
  const filters = {
    ...(featureId === undefined ? {} : { featureId }),
    ...(action === undefined ? {} : { action }),
  };
  const audit = useResource(JSON.stringify([filters, pages]), () => readPages(filters, pages), {
    changes: (event) =>
      event.kind === "change" && (featureId === undefined || event.change.featureId === featureId),
  });
  return (
    <Loaded from={audit}>
      {({ entries, next }) =>
        entries.length === 0 ? (
          <p class="empty">Nothing has happened yet.</p>
        ) : (
          <>
            <ol class="history">
              {entries.map((entry) => (
                <li key={entry.seq} id={`entry-${entry.seq}`} class={isRolledBack(entry) ? "bad" : ""}>
                  <div>
                    <strong>{changeName(entry)}</strong>
                    {featureId === undefined ? (
                      <a href={`/features/${encodeURIComponent(entry.featureId)}`}>{entry.featureId}</a>
                    ) : null}
                    <small>
                      by {entry.actor}, <Time at={entry.at} />, revision {entry.revision}
                    </small>
                    <Leave details={entry.details} />
                  </div>
                  <p>{withoutState(entry.reason)}</p>
                  {entry.details.diff === undefined || entry.action === "create" ? null : (
                    <FieldChanges diff={entry.details.diff} />
                  )}
                </li>
              ))}
            </ol>
            {next === null ? null : (
              <button type="button" onClick={() => setPages(pages + 1)}>
                Show more
              </button>
            )}
          </>
        )
      }
    </Loaded>
  );
};
