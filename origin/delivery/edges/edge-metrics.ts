// Shows on /metrics what the edges confirm.
import type { Queryable } from "../../db/pool.ts";
import type { Metrics } from "../../runtime/metrics.ts";
import { readBehind } from "./edge-status.ts";
import type { Confirmed } from "./record-answers.ts";

export type EdgeMetrics = Pick<
  Metrics,
  "edgeRevision" | "edgeConfirmations" | "edgeAge" | "edgeAhead" | "edgePushFailing"
>;

/** `nowMs`: a monotonic clock. */
export const makeEdgeReport = (metrics: EdgeMetrics, edges: readonly string[], nowMs: () => number) => {
  const { edgeRevision, edgeConfirmations, edgeAge, edgeAhead, edgePushFailing } = metrics;
  /** The last time that each region had all that its hub had, by edge. */
  const currentAt = new Map<string, ReadonlyMap<string, number>>();
  for (const edge of edges) {
    // An alert compares with the time before the first event.
    edgeAhead.inc({ edge }, 0);
    edgePushFailing.set({ edge }, 0);
  }
  edgeAge.readWith(() =>
    [...currentAt].flatMap(([edge, regions]) =>
      [...regions].map(([region, at]) => ({ labels: { edge, region }, value: (nowMs() - at) / 1_000 })),
    ),
  );
  return {
    confirmed: ({ edge, revision, regions }: Confirmed): void => {
      const before = currentAt.get(edge);
      const now = nowMs();
      const named = new Set(regions.map(({ region }) => region));
      // A region without visitors has no replica any more, and is no part of the edge until it has one.
      for (const region of before?.keys() ?? [])
        if (!named.has(region)) edgeRevision.remove({ edge, region });
      for (const region of regions) {
        edgeRevision.set({ edge, region: region.region }, region.revision);
        edgeConfirmations.inc({ edge, region: region.region });
      }
      currentAt.set(
        edge,
        new Map(
          regions.map((each) => [
            each.region,
            each.revision >= revision ? now : (before?.get(each.region) ?? now),
          ]),
        ),
      );
    },
    failing: (edge: string, isFailing: boolean): void => edgePushFailing.set({ edge }, isFailing ? 1 : 0),
    ahead: (edge: string): void => edgeAhead.inc({ edge }),
  };
};

/** Shows how far each edge is behind, an edge that has never answered too. An edge that is no longer configured leaves. */
export const reportBehind = async (
  db: Queryable,
  { edgeMissingChanges, edgeBehindSeconds }: Pick<Metrics, "edgeMissingChanges" | "edgeBehindSeconds">,
): Promise<void> => {
  const behind = await readBehind(db);
  edgeMissingChanges.reset();
  edgeBehindSeconds.reset();
  for (const { edge, missingChanges, seconds } of behind) {
    edgeMissingChanges.set({ edge }, missingChanges);
    edgeBehindSeconds.set({ edge }, seconds);
  }
};
