// The kinds of panels that the dashboards are made of. A panel's title names what is seen, its description what to make of it.
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import type * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import * as heatmap from "@grafana/grafana-foundation-sdk/heatmap";
import * as logs from "@grafana/grafana-foundation-sdk/logs";
import * as loki from "@grafana/grafana-foundation-sdk/loki";
import * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

export type Panel = Builder<dashboard.Panel>;

/** Datasources that a person chooses at the top of the dashboard. */
export const METRICS = { type: "prometheus", uid: "${metrics}" };
const LOGS = { type: "loki", uid: "${logs}" };

/** `dashed`: a bound that the other lines are held against. */
type Line = { readonly expr: string; readonly legend: string; readonly dashed?: boolean };
type Facts = {
  readonly title: string;
  readonly description: string;
  /** Of 24. */
  readonly width: number;
  readonly unit: string;
};

const queryOf = ({ expr, legend }: Line, index: number) =>
  new prometheus.DataqueryBuilder()
    .expr(expr)
    .legendFormat(legend)
    .range()
    .refId(String.fromCodePoint(65 + index));

export const lines = ({ title, description, width, unit }: Facts, ...shown: readonly Line[]): Panel => {
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(METRICS)
    .span(width)
    .height(8)
    .unit(unit)
    .lineWidth(1)
    .fillOpacity(0)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi));
  for (const [index, line] of shown.entries()) {
    panel.withTarget(queryOf(line, index));
    if (line.dashed === true)
      panel.overrideByQuery(String.fromCodePoint(65 + index), [
        { id: "custom.lineStyle", value: { fill: "dash", dash: [8, 6] } },
      ]);
  }
  return panel;
};

export const figure = ({ title, description, width, unit }: Facts, expr: string): Panel =>
  new stat.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(METRICS)
    .span(width)
    .height(4)
    .unit(unit)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .withTarget(queryOf({ expr, legend: title }, 0));

/** A row for each label, coloured by its value. */
export const heat = ({ title, description, width, unit }: Facts, line: Line): Panel =>
  new heatmap.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(METRICS)
    .span(width)
    .height(8)
    .unit(unit)
    .calculate(false)
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme("Blues")
        .steps(32),
    )
    .cellGap(1)
    .withTarget(queryOf(line, 0).format(prometheus.PromQueryFormat.TimeSeries));

/** `expr` is LogQL. */
export const logLines = (facts: Omit<Facts, "unit">, expr: string): Panel =>
  new logs.PanelBuilder()
    .title(facts.title)
    .description(facts.description)
    .datasource(LOGS)
    .span(facts.width)
    .height(8)
    .showTime(true)
    .wrapLogMessage(true)
    .sortOrder(common.LogsSortOrder.Descending)
    .withTarget(new loki.DataqueryBuilder().expr(expr).refId("A"));
