import { listEdges } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { EdgeList } from "../parts/edge-list.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Term } from "../parts/term.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";

export default () => {
  const edges = useResource("edges", () => listEdges(), {
    changes: ({ kind }) => kind === "change",
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
            {known.telemetry.length === 0 ? (
              <p class="empty">No edge has sent telemetry yet. Is ORIGIN_URL right in wrangler.toml?</p>
            ) : (
              <div class="scroll">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Region</th>
                      <th scope="col">Last heard of</th>
                      <th scope="col">Spans lost by its edges</th>
                      <th scope="col">Held back from</th>
                    </tr>
                  </thead>
                  <tbody>
                    {known.telemetry.map((each) => (
                      <tr key={each.region}>
                        <th scope="row">{each.region}</th>
                        <td>
                          <Time at={each.seenAt} ago />
                        </td>
                        <td class="number">{formatCount(each.droppedSpans)}</td>
                        <td>{each.waitsFrom === null ? "–" : <Time at={each.waitsFrom} />}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
};
