/** How to see the feature oneself: the keys of preview links are the edge's, and this origin does not hold them. */
export const PreviewSection = ({ featureId }: { featureId: string }) => (
  <section aria-labelledby="preview">
    <h2 id="preview">See it yourself</h2>
    <p class="lead">
      A preview link shows the feature open to whoever follows it, whatever its state, and counts nobody.
      Links are signed with the edge's <code>PREVIEW_KEYS</code>, which this origin does not hold. Make one
      where they are:
    </p>
    <p>
      <code>npx sluice preview {featureId} --site https://your-site.example --minutes 60</code>
    </p>
  </section>
);
