// `npm run kubernetes:alerts`: the alerts of deploy/prometheus as the PrometheusRule that the Prometheus operator takes.
import { readFileSync, writeFileSync } from "node:fs";
import { prometheusRule } from "./kubernetes/prometheus-rule.ts";

const source = new URL("../deploy/prometheus/sluice-alerts.yml", import.meta.url);
const target = new URL("../deploy/kubernetes/overlays/production/alerts.yaml", import.meta.url);

writeFileSync(target, prometheusRule(readFileSync(source, "utf8")));
process.stdout.write("deploy/kubernetes/overlays/production/alerts.yaml is written\n");
