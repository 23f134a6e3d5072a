// Whether Sluice itself is well: ingest, evaluation, commits, delivery and edges.
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import { begin } from "./begin.ts";
import { DELIVERY } from "./operations/delivery.ts";
import { EDGES } from "./operations/edges.ts";
import { EVALUATION } from "./operations/evaluation.ts";
import { INGEST } from "./operations/ingest.ts";
import { OBJECTIVES } from "./operations/objectives.ts";
import { SUMMARY } from "./operations/summary.ts";

const ROWS = [
  { title: "Objectives", panels: OBJECTIVES },
  { title: "Ingest", panels: INGEST },
  { title: "Evaluation and locks", panels: EVALUATION },
  { title: "From commit to edge", panels: DELIVERY },
  { title: "Edges", panels: EDGES },
];

export const operationsDashboard = (): dashboard.Dashboard => {
  const made = begin({
    uid: "sluice-operations",
    title: "Sluice: operations",
    description: "Ingest, evaluation, delivery and edges of Sluice itself",
  });
  for (const panel of SUMMARY) made.withPanel(panel);
  for (const { title, panels } of ROWS) {
    made.withRow(new dashboard.RowBuilder(title));
    for (const panel of panels) made.withPanel(panel);
  }
  return made.build();
};
