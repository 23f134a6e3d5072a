export const FeatureLink = ({ featureId }: { featureId: string }) => (
  <a href={`/features/${encodeURIComponent(featureId)}`}>{featureId}</a>
);
