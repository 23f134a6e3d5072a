import { Tester } from "../parts/tester.tsx";

export const TargetingSection = ({ featureId }: { featureId: string }) => (
  <section aria-labelledby="tester">
    <h2 id="tester">Who would get it?</h2>
    <Tester featureId={featureId} />
  </section>
);
