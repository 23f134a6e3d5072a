import type { Edges } from "../client.gen.ts";
import { Term } from "./term.tsx";
import { Time } from "./time.tsx";

/** `revision`: what has to have arrived; without it the newest. */
export const EdgeList = ({ edges, revision = edges.revision }: { edges: Edges; revision?: number }) =>
  edges.edges.length === 0 ? (
    <p class="empty">No edge is configured (EDGE_URLS).</p>
  ) : (
    <ul class="edges">
      {edges.edges.map((edge) => {
        const hasIt = edge.completeRevision >= revision;
        return (
          <li key={edge.url} class="card">
            <span class={`badge ${edge.failingSince !== null ? "bad" : hasIt ? "good" : "warn"}`}>
              {edge.failingSince !== null ? "! not reached" : hasIt ? "✓ has it" : "… on its way"}
            </span>
            <strong>{edge.url}</strong>
            <span>
              <Term of="revision">revision</Term> {edge.revision ?? "unknown"}
            </span>
            {edge.confirmedAt === null ? null : (
              <span>
                confirmed <Time at={edge.confirmedAt} ago />
              </span>
            )}
            {edge.regions.map((region) => (
              <span key={region.region} class={region.revision >= revision ? "region good" : "region warn"}>
                {region.region} {region.revision}
              </span>
            ))}
            {edge.lastError === null ? null : <span class="error">{edge.lastError}</span>}
          </li>
        );
      })}
    </ul>
  );
