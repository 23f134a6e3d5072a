import { useState } from "preact/hooks";
import { listAudit, type AuditEntry } from "../client.gen.ts";
import { useResource } from "../resource.ts";
import { withoutState } from "../words.ts";
import { Loaded } from "./page.tsx";
import { Time } from "./time.tsx";

/** The kinds of changes in words. */
export const ACTIONS: Readonly<Record<string, string>> = {
  create: "Made",
  update: "Changed",
  delete: "Deleted",
  rule: "Rule changed",
  rollout: "Rollout changed",
  enable: "Opened",
  rollback: "Rolled back",
};

const isRolledBack = ({ action }: AuditEntry): boolean => action === "rollback";

/** The audit's entries, newest first; of one feature or one kind if wanted. */
export const History = ({ featureId, action }: { featureId?: string; action?: "rollback" }) => {
  const [limit, setLimit] = useState(25);
  const filters = {
    ...(featureId === undefined ? {} : { featureId }),
    ...(action === undefined ? {} : { action }),
  };
  const audit = useResource(JSON.stringify([filters, limit]), () => listAudit({ ...filters, limit }), {
    changes: ({ kind }) => kind === "change",
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
                    <strong>{ACTIONS[entry.action] ?? entry.action}</strong>
                    {featureId === undefined ? (
                      <a href={`/features/${encodeURIComponent(entry.featureId)}`}>{entry.featureId}</a>
                    ) : null}
                    <small>
                      by {entry.actor}, <Time at={entry.at} />, revision {entry.revision}
                    </small>
                  </div>
                  <p>{withoutState(entry.reason)}</p>
                </li>
              ))}
            </ol>
            {next === null || limit >= 500 ? null : (
              <button type="button" onClick={() => setLimit(Math.min(500, limit + 100))}>
                Show more
              </button>
            )}
          </>
        )
      }
    </Loaded>
  );
};
