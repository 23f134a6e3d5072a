import type { Feature } from "../client.gen.ts";
import { History } from "../parts/history.tsx";

/** The signed receipt of the rollback that closed the feature, and how anybody can verify it. */
const ReceiptLink = ({ featureId }: { featureId: string }) => {
  const file = `receipt-${featureId}.json`;
  return (
    <p>
      <a href={`/admin/v1/features/${encodeURIComponent(featureId)}/receipt`} download={file}>
        Download the receipt of the rollback
      </a>
      : the decision, its evidence, and when each region had it, signed. Who has <code>PUSH_KEYS</code>{" "}
      verifies it by <code>npx sluice receipt --check {file}</code>.
    </p>
  );
};

export const HistorySection = ({ feature }: { feature: Feature }) => (
  <section aria-labelledby="history">
    <h2 id="history">History</h2>
    {feature.rolledBackAt === null ? null : <ReceiptLink featureId={feature.featureId} />}
    <History featureId={feature.featureId} />
  </section>
);
