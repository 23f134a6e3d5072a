// What edges say of themselves.
import { lines } from "../panels.ts";
import { rate } from "../queries.ts";

export const EDGES = [
  lines(
    {
      title: "Revisions behind",
      description: "How many revisions a region of an edge lacks.",
      width: 8,
      unit: "none",
    },
    {
      expr: "scalar(max(sluice_revision)) - max by (edge, region) (sluice_edge_revision)",
      legend: "{{edge}} {{region}}",
    },
  ),
  lines(
    {
      title: "Changes that an edge lacks",
      description: "How many, and for how long the oldest. Nothing is lacking while all is well.",
      width: 8,
      unit: "none",
    },
    { expr: "max by (edge) (sluice_edge_missing_changes)", legend: "{{edge}}" },
    { expr: "max by (edge) (sluice_edge_behind_seconds)", legend: "{{edge}}, seconds" },
  ),
  lines(
    {
      title: "Age",
      description: "Time since a region was last known to have all that its hub has: 2 s while it is well.",
      width: 8,
      unit: "s",
    },
    { expr: "min by (edge, region) (sluice_edge_age_seconds)", legend: "{{edge}} {{region}}" },
  ),
  lines(
    {
      title: "Confirmations",
      description: "Answers of each region, and edges that take no pushes.",
      width: 8,
      unit: "cps",
    },
    {
      expr: `sum by (edge, region) (${rate("sluice_edge_confirmations_total")})`,
      legend: "{{edge}} {{region}}",
    },
    { expr: "max by (edge) (sluice_edge_push_failing)", legend: "{{edge}} fails" },
    { expr: "sum by (edge) (increase(sluice_edge_ahead_total[$__range]))", legend: "{{edge}} ahead" },
  ),
];
