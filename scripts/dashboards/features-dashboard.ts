// What features do to people, and what Sluice makes of it.
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import { begin } from "./begin.ts";
import { heat, lines, logLines } from "./panels.ts";

const CHOSEN = 'feature=~"$feature"';
const ofFeature = (metric: string, labels = ""): string =>
  `max by (feature) (${metric}{${[CHOSEN, labels].filter((one) => one !== "").join(",")}})`;
const bySignal = (metric: string, labels = ""): string =>
  `max by (feature, signal) (${metric}{${[CHOSEN, labels].filter((one) => one !== "").join(",")}})`;

export const featuresDashboard = (): dashboard.Dashboard =>
  begin({
    uid: "sluice-features",
    title: "Sluice: features",
    description: "Score, signals, evidence and rollbacks by feature",
  })
    .withVariable(
      new dashboard.QueryVariableBuilder("feature")
        .label("Feature")
        .datasource({ type: "prometheus", uid: "${metrics}" })
        .query("label_values(sluice_decisions_total, feature)")
        .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
        .multi(true)
        .includeAll(true)
        .allValue(".+"),
    )
    .withPanel(
      lines(
        {
          title: "PMF score",
          description:
            "0.4 activation + 0.5 retention − 0.1 latency above its threshold. Dashed: the score of a feature exactly at its thresholds. Reported, not decided on.",
          width: 12,
          unit: "none",
        },
        { expr: ofFeature("sluice_pmf_score"), legend: "{{feature}}" },
        {
          expr: `0.4 * ${ofFeature("sluice_signal_threshold", 'signal="activation"')} + 0.5 * ${ofFeature("sluice_signal_threshold", 'signal="retention"')}`,
          legend: "{{feature}} threshold",
          dashed: true,
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Activation and retention",
          description: "Rates of mature units. Dashed: what the rule wants at least.",
          width: 12,
          unit: "percentunit",
        },
        {
          expr: bySignal("sluice_signal", 'signal=~"activation|retention"'),
          legend: "{{feature}} {{signal}}",
        },
        {
          expr: bySignal("sluice_signal_threshold", 'signal=~"activation|retention"'),
          legend: "{{feature}} {{signal}} threshold",
          dashed: true,
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Latency, 95th percentile",
          description: "Of treatment requests since the trial began. Dashed: the rule's bound.",
          width: 12,
          unit: "ms",
        },
        { expr: ofFeature("sluice_signal", 'signal="p95_latency"'), legend: "{{feature}}" },
        {
          expr: ofFeature("sluice_signal_threshold", 'signal="p95_latency"'),
          legend: "{{feature}} threshold",
          dashed: true,
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Evidence, as a share of its bar",
          description:
            "Logarithm of the evidence for a rollback, a keep or an alarm over the logarithm of its bar. At 100 % it is decided.",
          width: 12,
          unit: "percentunit",
        },
        {
          expr: `max by (feature, signal, for) (sluice_log_evidence{${CHOSEN}} / sluice_log_evidence_bar{${CHOSEN}})`,
          legend: "{{feature}} {{signal}} for {{for}}",
        },
      ),
    )
    .withPanel(
      heat(
        {
          title: "Cohort size by state",
          description: "Exposed treatment units of the features in each state of validation.",
          width: 12,
          unit: "none",
        },
        {
          expr: `sum by (state) (max by (feature, state) (sluice_feature_state{${CHOSEN}}) * on (feature) group_left () ${ofFeature("sluice_cohort_size", 'cohort="treatment"')})`,
          legend: "{{state}}",
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Cohort sizes",
          description: "Exposed units of the current epoch.",
          width: 12,
          unit: "none",
        },
        {
          expr: `max by (feature, cohort) (sluice_cohort_size{${CHOSEN}})`,
          legend: "{{feature}} {{cohort}}",
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Rollbacks by reason",
          description: "What committed rollbacks were for: signals, the deadline, or somebody's request.",
          width: 12,
          unit: "none",
        },
        { expr: `sum by (reason) (sluice_rollback_reasons_total{${CHOSEN}})`, legend: "{{reason}}" },
        { expr: `sum by (outcome) (sluice_rollbacks_total{${CHOSEN}})`, legend: "outcome {{outcome}}" },
      ),
    )
    .withPanel(
      logLines(
        {
          title: "Rollback events",
          description:
            "The origin's log of what was rolled back and why. Needs a Loki that gets the origins' logs.",
          width: 12,
        },
        '{job="sluice"} | json | featureId != "" | effect = "rolledBack" or msg =~ "ALERT.*"',
      ),
    )
    .build();
