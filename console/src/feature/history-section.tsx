import { History } from "../parts/history.tsx";

export const HistorySection = ({ featureId }: { featureId: string }) => (
  <section aria-labelledby="history">
    <h2 id="history">History</h2>
    <History featureId={featureId} />
  </section>
);
