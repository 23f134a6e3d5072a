import { listEdges } from "../client.gen.ts";
import { EdgeList } from "../parts/edge-list.tsx";
import { Loaded } from "../parts/page.tsx";
import { useResource } from "../resource.ts";
import { isAbout } from "./is-about.ts";

/** Where the feature's last change has arrived. */
export const EdgesSection = ({ featureId, revision }: { featureId: string; revision: number }) => {
  const edges = useResource("edges", () => listEdges(), { changes: isAbout(featureId), everyMs: 5_000 });
  return (
    <section aria-labelledby="edges">
      <h2 id="edges">Where it has arrived</h2>
      <Loaded from={edges}>{(known) => <EdgeList edges={known} revision={revision} />}</Loaded>
    </section>
  );
};
