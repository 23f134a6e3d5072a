import { listEdges } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { EdgeList } from "../parts/edge-list.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Term } from "../parts/term.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";

export default () => {
  const edges = useResource("edges", () => listEdges(), {
    changes: ({ kind }) => kind === "change" || kind === "edge",
    everyMs: 5_000,
  });
  return (
    <Page title="Edges" lead="Where changes arrive, and whether telemetry comes back.">
      <Loaded from={edges}>
        {(known) => (
          <>
            <p>
              The newest <Term of="revision">revision</Term> is <strong>{formatCount(known.revision)}</strong>
              .
            </p>
            <EdgeList edges={known} />
            <h2>Telemetry by region</h2>
            <Rows
              rows={known.telemetry}
              keyOf={({ region }) => region}
              empty="No edge has sent telemetry yet. Is ORIGIN_URL right in wrangler.toml?"
              columns={[
                { name: "Region", cell: ({ region }) => region },
                { name: "Last heard of", cell: ({ seenAt }) => <Time at={seenAt} ago /> },
                { name: "Spans lost by its edges", cell: ({ droppedSpans }) => formatCount(droppedSpans) },
                {
                  name: "Held back from",
                  cell: ({ waitsFrom }) => (waitsFrom === null ? "–" : <Time at={waitsFrom} />),
                },
              ]}
            />
          </>
        )}
      </Loaded>
    </Page>
  );
};
