// Entries of the audit, page by page, each with what it changed.
import type { AuditEntry } from "../client.gen.ts";
import { Badge } from "../parts/badge.tsx";
import { Changed } from "../parts/changed.tsx";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Time } from "../parts/time.tsx";
import { withoutState } from "../words.ts";
import { changedFields } from "./changed-fields.ts";
import { badgeOfAction } from "./words.ts";
import "./audit.css";

const SEGMENT = "segment:";

export const SubjectLink = ({ featureId }: Pick<AuditEntry, "featureId">) =>
  featureId.startsWith(SEGMENT) ? (
    <a href={`/segments#${encodeURIComponent(featureId.slice(SEGMENT.length))}`}>{featureId}</a>
  ) : (
    <FeatureLink featureId={featureId} />
  );

const Entry = ({ entry }: { entry: AuditEntry }) => (
  <li id={`entry-${entry.seq}`} class="log-entry">
    <div class="log-head">
      <Badge state={badgeOfAction(entry.action)} />
      <strong>
        <SubjectLink featureId={entry.featureId} />
      </strong>
      <span class="log-by">
        by {entry.actor}, <Time at={entry.at} />
      </span>
      <a class="log-number" href={`#entry-${entry.seq}`} aria-label={`Entry ${entry.seq}`}>
        #{entry.seq}
      </a>
    </div>
    <p class="log-reason">{withoutState(entry.reason)}</p>
    <details>
      <summary>What changed</summary>
      <Changed changes={changedFields(entry)} />
      <p class="log-facts">
        Revision {entry.revision}, version {entry.version}, epoch {entry.epoch}
        {entry.action === "rollback" ? (
          <>
            {" "}
            · <a href={`/rollbacks/${entry.revision}`}>Evidence and receipt</a>
          </>
        ) : null}
      </p>
      <p class="log-facts">
        Hash <code>{entry.hash}</code>
      </p>
    </details>
  </li>
);

export const AuditLog = ({ entries }: { entries: readonly AuditEntry[] }) => (
  <ol class="log">
    {entries.map((entry) => (
      <Entry key={entry.seq} entry={entry} />
    ))}
  </ol>
);
