// What all dashboards have: datasources to choose, the time, and rollbacks as marks on every panel.
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import { METRICS } from "./panels.ts";

export const begin = (facts: {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
}) =>
  new dashboard.DashboardBuilder(facts.title)
    .uid(facts.uid)
    .description(facts.description)
    .tags(["sluice"])
    .timezone("browser")
    .refresh("30s")
    .time({ from: "now-6h", to: "now" })
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .withVariable(new dashboard.DatasourceVariableBuilder("metrics").label("Metrics").type("prometheus"))
    .withVariable(new dashboard.DatasourceVariableBuilder("logs").label("Logs").type("loki"))
    .annotation(
      new dashboard.AnnotationQueryBuilder()
        .name("Rollbacks")
        .datasource(METRICS)
        .enable(true)
        .iconColor("red")
        .expr(
          'sum by (feature) (sluice_rollbacks_total{outcome="committed"} unless sluice_rollbacks_total{outcome="committed"} offset 1m or increase(sluice_rollbacks_total{outcome="committed"}[1m])) > 0',
        ),
    );
