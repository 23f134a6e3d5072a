// How fast the error budgets of the objectives are used up, and the admin API.
import { lines } from "../panels.ts";
import { rate, quantiles } from "../queries.ts";

export const OBJECTIVES = [
  lines(
    {
      title: "Burn rate of the last hour",
      description:
        "How many times as much fails as an objective allows. Above 14.4 (dashed) for an hour it pages.",
      width: 12,
      unit: "none",
    },
    { expr: "sluice:burn_rate:1h", legend: "{{objective}}" },
    { expr: "vector(14.4)", legend: "pages", dashed: true },
  ),
  lines(
    {
      title: "Burn rate of three days",
      description: "At 1 (dashed) all that 30 days allow is used up after 30 days.",
      width: 12,
      unit: "none",
    },
    { expr: "sluice:burn_rate:3d", legend: "{{objective}}" },
    { expr: "vector(1)", legend: "allowed", dashed: true },
  ),
  lines(
    {
      title: "Answers of the admin API",
      description: "Requests a second by the kind of their status.",
      width: 12,
      unit: "reqps",
    },
    {
      expr: `sum by (status) (${rate("sluice_admin_request_seconds_count")})`,
      legend: "{{status}}",
    },
  ),
  lines(
    {
      title: "Time of the admin API",
      description: "Until an answer begins.",
      width: 12,
      unit: "s",
    },
    ...quantiles("sluice_admin_request_seconds"),
  ),
];
