import { RequestTester } from "../editing/request-tester.tsx";

export const TargetingSection = ({ featureId }: { featureId: string }) => (
  <section aria-labelledby="tester">
    <h2 id="tester">Who would get it?</h2>
    <RequestTester featureId={featureId} isClosed={false} />
    <p class="edit-link">
      <a class="button" href={`/features/${encodeURIComponent(featureId)}/edit`}>
        Edit its fields, targeting and gate
      </a>
    </p>
  </section>
);
