// What the answers of edges show on /metrics, on a clock of the test's.
import { expect, test } from "vitest";
import { makeEdgeReport } from "../../../origin/delivery/edges/edge-metrics.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
import { Revision } from "../../../shared/ids.ts";

const EDGE = "https://shop.example";
const answer = (revision: number, regions: Readonly<Record<string, number>>) => ({
  edge: EDGE,
  revision: Revision.parse(revision),
  regions: Object.entries(regions).map(([region, has]) => ({ region, revision: Revision.parse(has) })),
});

const start = () => {
  const metrics = makeMetrics();
  const clock = { ms: 0 };
  const report = makeEdgeReport(metrics, [EDGE], () => clock.ms);
  const byRegion = async (gauge: "edgeRevision" | "edgeAge") => {
    const { values } = await (gauge === "edgeAge" ? metrics.edgeAge.gauge : metrics.edgeRevision).get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels.region, value]));
  };
  return { metrics, clock, report, byRegion };
};

test("a region ages while it lacks what its hub has, and an edge that is silent ages with all its regions", async () => {
  const { clock, report, byRegion } = start();
  report.confirmed(answer(5, { weur: 5, enam: 5 }));
  clock.ms = 2_000;
  report.confirmed(answer(6, { weur: 6, enam: 5 }));
  expect(await byRegion("edgeRevision")).toEqual({ weur: 6, enam: 5 });
  expect(await byRegion("edgeAge")).toEqual({ weur: 0, enam: 2 });
  clock.ms = 32_000;
  expect(await byRegion("edgeAge")).toEqual({ weur: 30, enam: 32 });
  report.confirmed(answer(6, { weur: 6, enam: 6 }));
  expect(await byRegion("edgeAge")).toEqual({ weur: 0, enam: 0 });
});

test("a region that has gone leaves neither an age that grows nor a revision that stays", async () => {
  const { clock, report, byRegion } = start();
  report.confirmed(answer(5, { weur: 5, enam: 5 }));
  report.confirmed(answer(5, { weur: 5 }));
  clock.ms = 60_000;
  expect(await byRegion("edgeAge")).toEqual({ weur: 60 });
  expect(await byRegion("edgeRevision")).toEqual({ weur: 5 });
});

test("an edge that was never ahead is known from the start, so that the first time is an increase", async () => {
  const { metrics, report } = start();
  const ahead = async () => (await metrics.edgeAhead.get()).values;
  expect(await ahead()).toMatchObject([{ labels: { edge: EDGE }, value: 0 }]);
  report.ahead(EDGE);
  expect(await ahead()).toMatchObject([{ labels: { edge: EDGE }, value: 1 }]);
});
