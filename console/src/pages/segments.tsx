import { listSegments } from "../client.gen.ts";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";

export default () => {
  const segments = useResource("segments", () => listSegments({ limit: 500 }), {
    changes: ({ kind }) => kind === "change",
  });
  return (
    <Page title="Segments" lead="Conditions with a name, which several features share.">
      <Loaded from={segments}>
        {({ segments: rows }) => (
          <Rows
            rows={rows}
            keyOf={({ segmentId }) => segmentId}
            empty="There is no segment yet: npx sluice segments set makes one."
            columns={[
              {
                name: "Segment",
                cell: ({ segmentId, description }) => (
                  <>
                    {segmentId} <small>{description}</small>
                  </>
                ),
              },
              { name: "Names", cell: ({ condition }) => <code>{JSON.stringify(condition)}</code> },
              {
                name: "Features",
                cell: ({ features }) =>
                  features.map(({ featureId, onTrial }) => (
                    <div key={featureId}>
                      <FeatureLink featureId={featureId} />
                      {onTrial ? <small>on trial</small> : null}
                    </div>
                  )),
              },
              { name: "Changed", cell: ({ updatedAt }) => <Time at={updatedAt} ago /> },
            ]}
          />
        )}
      </Loaded>
    </Page>
  );
};
