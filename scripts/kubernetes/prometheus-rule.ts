// Prometheus' own file of alerts and the operator's PrometheusRule have the same groups in other clothes: one is the source.
import { parseDocument, stringify } from "yaml";

const HEAD =
  "# Written by `npm run kubernetes:alerts` from deploy/prometheus/sluice-alerts.yml. Change the alerts there.\n";

/** `rules`: the text of a file of rules as Prometheus reads it. */
export const prometheusRule = (rules: string): string =>
  HEAD +
  stringify(
    {
      apiVersion: "monitoring.coreos.com/v1",
      kind: "PrometheusRule",
      metadata: { name: "sluice" },
      spec: parseDocument(rules).toJS() as unknown,
    },
    { lineWidth: 0 },
  );
