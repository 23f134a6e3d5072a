// One rollback: why, the evidence of that moment, when each edge had it, and the signed receipt.
import { useRoute } from "preact-iso";
import { alertOf, decisionOf, EvidenceTable } from "../audit/evidence-table.tsx";
import { listReceipts, type Receipt } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { saveText } from "../parts/save-file.ts";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { withoutState } from "../words.ts";

/** The receipt's own fields that the document leaves open. */
const factsOf = ({ receipt }: Receipt) => {
  const { at, actor, hash, details } = receipt.rollback;
  return { at: String(at), actor: String(actor), hash: String(hash), details: details as unknown };
};

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

const One = ({ document: receipt }: { document: Receipt }) => {
  const { featureId, rollback } = receipt.receipt;
  const { at, actor, hash, details } = factsOf(receipt);
  const decision = decisionOf(details);
  const alert = alertOf(details);
  return (
    <article class="rollback" aria-label={`Rollback of ${featureId}`}>
      <h2>
        <FeatureLink featureId={featureId} />
      </h2>
      <p class="summary">{withoutState(rollback.reason)}</p>
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
      <Arrived {...receipt} />
      <div class="actions">
        <button
          type="button"
          onClick={() =>
            saveText(
              `rollback-${rollback.revision}-${featureId.replaceAll(/[^\w.-]/g, "-")}.json`,
              "application/json",
              `${JSON.stringify(receipt, null, 2)}\n`,
            )
          }
        >
          Save the signed receipt
        </button>
        <a href={`/audit?feature=${encodeURIComponent(featureId)}#entry-${rollback.seq}`}>
          Entry {rollback.seq} of the audit
        </a>
      </div>
      <p>
        <small>
          Who has the key checks it by <code>npx sluice receipt --check FILE</code>. Hash of the entry:{" "}
          <code>{hash}</code>
        </small>
      </p>
    </article>
  );
};

export default () => {
  const { params } = useRoute();
  const revision = Number(params["revision"]);
  const receipts = useResource(`receipts ${revision}`, () => listReceipts(revision), { everyMs: 5_000 });
  return (
    <Page
      title={`Rollback at revision ${params["revision"] ?? ""}`}
      lead={<a href="/rollbacks">All rollbacks</a>}
    >
      <Loaded from={receipts}>
        {({ receipts: documents }) =>
          documents.map((document) => <One key={document.receipt.featureId} document={document} />)
        }
      </Loaded>
    </Page>
  );
};
