// One rollback: why, the evidence of that moment, when each edge had it, and the signed receipt.
import { useRoute } from "preact-iso";
import { alertOf, decisionOf, EvidenceTable } from "../audit/evidence-table.tsx";
import { failureOf } from "../api.ts";
import { listAudit, listReceipts, type AuditEntry, type Receipt } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { saveText } from "../parts/save-file.ts";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { withoutState } from "../words.ts";
import "../parts/stacked.css";
import "./rollback.css";

const Arrived = ({ receipt }: Receipt) => {
  const last = Math.max(0, ...receipt.confirmations.map(({ msAfterCommit }) => msAfterCommit));
  return (
    <>
      <p>
        {receipt.complete
          ? `Everywhere after ${formatCount(last)} ms.`
          : `Not confirmed yet by ${receipt.missingEdges.join(", ")}.`}
      </p>
      <Rows
        rows={receipt.confirmations}
        keyOf={({ edge, region }) => `${edge} ${region}`}
        empty="No edge has confirmed it yet."
        columns={[
          { name: "Region", cell: ({ region }) => region },
          { name: "Edge", cell: ({ edge }) => edge },
          {
            name: "After the commit",
            cell: ({ msAfterCommit }) => `${formatCount(msAfterCommit)} ms`,
          },
          { name: "Confirmed", cell: ({ confirmedAt }) => <Time at={confirmedAt} /> },
        ]}
      />
    </>
  );
};

const One = ({ entry, receipt }: { entry: AuditEntry; receipt: Receipt | undefined }) => {
  const { featureId, reason, actor, at, seq, revision, hash, details } = entry;
  const decision = decisionOf(details);
  const alert = alertOf(details);
  return (
    <article class="rollback stacked" aria-label={`Rollback of ${featureId}`}>
      <h2>
        <FeatureLink featureId={featureId} />
      </h2>
      <p class="summary">{withoutState(reason)}</p>
      <p>
        Closed by <strong>{actor}</strong>, <Time at={at} />
      </p>
      {alert === null ? null : (
        <p>
          Alert of the hook {alert.hook}:{" "}
          {alert.link === null ? alert.title : <a href={alert.link}>{alert.title}</a>}
        </p>
      )}
      {decision === null ? null : (
        <>
          <h3>Evidence at that moment</h3>
          <EvidenceTable decision={decision} />
        </>
      )}
      <h3>When it had arrived</h3>
      {receipt === undefined ? (
        <p class="empty">There is no receipt: the origin signs them with PUSH_KEYS, and has none.</p>
      ) : (
        <>
          <Arrived {...receipt} />
          <div class="actions">
            <button
              type="button"
              onClick={() =>
                saveText(
                  `rollback-${revision}-${featureId.replaceAll(/[^\w.-]/g, "-")}.json`,
                  "application/json",
                  `${JSON.stringify(receipt, null, 2)}\n`,
                )
              }
            >
              Save the signed receipt
            </button>
          </div>
          <p>
            <small>
              Who has the key checks it by <code>npx sluice receipt --check FILE</code>.
            </small>
          </p>
        </>
      )}
      <p>
        <a href={`/audit?feature=${encodeURIComponent(featureId)}#entry-${seq}`}>Entry {seq} of the audit</a>{" "}
        <small>
          with the hash <code>{hash}</code>
        </small>
      </p>
    </article>
  );
};

/** None where the origin has no keys to sign with. */
const readReceipts = async (revision: number): Promise<readonly Receipt[]> => {
  try {
    return (await listReceipts(revision)).receipts;
  } catch (error) {
    if (failureOf(error).status === 404) return [];
    throw error;
  }
};

const read = async (revision: number) => {
  const [{ entries }, receipts] = await Promise.all([
    listAudit({ revision, action: "rollback", limit: 500 }),
    readReceipts(revision),
  ]);
  return { entries, receipts };
};

export default () => {
  const { params } = useRoute();
  const revision = Number(params["revision"]);
  const rollback = useResource(`rollback ${revision}`, () => read(revision), { everyMs: 5_000 });
  return (
    <Page
      title={`Rollback at revision ${params["revision"] ?? ""}`}
      lead={<a href="/rollbacks">All rollbacks</a>}
    >
      <Loaded from={rollback}>
        {({ entries, receipts }) =>
          entries.length === 0 ? (
            <p class="empty">Nothing was rolled back in this revision.</p>
          ) : (
            entries.map((entry) => (
              <One
                key={entry.featureId}
                entry={entry}
                receipt={receipts.find(({ receipt }) => receipt.featureId === entry.featureId)}
              />
            ))
          )
        }
      </Loaded>
    </Page>
  );
};
