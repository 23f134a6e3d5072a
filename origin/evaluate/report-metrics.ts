// Shows decisions on /metrics. A signal that is not known is not shown: null is not 0. A feature that is not evaluated here any
// more (closed, deleted, or taken over by another process) is not shown either.
import type { Gauge } from "prom-client";
import type { Decision, LogEvidence, SignalName, TestReport } from "../decide/decision.ts";
import type { JudgedRule } from "../decide/judged-rule.ts";
import type { Metrics } from "../runtime/metrics.ts";

/** A feature that was not evaluated for so long, in seconds, is shown no more. */
const FORGET_AFTER_S = 60;

/** As the pattern names them, and so `details` of a decision. */
const SIGNAL_LABEL = {
  activation: "activation",
  retention: "retention",
  latency: "p95_latency",
  errorRate: "error_rate",
} as const satisfies Readonly<Record<SignalName, string>>;

/** Whether the cohorts do not have the sizes of the rollout. */
export const isMismatched = ({ evidence: { sampleRatio } }: Pick<Decision, "evidence">): boolean =>
  sampleRatio !== null && sampleRatio.logEvidence >= sampleRatio.logBar;

type Evidence = LogEvidence & { readonly signal: string; readonly for: string };

/** Where a test needs both, the one that is farther from its bar: that one decides when the test fails. */
const farther = (own: LogEvidence, comparison: LogEvidence | null): LogEvidence =>
  comparison !== null && comparison.logEvidence - comparison.logBar < own.logEvidence - own.logBar
    ? comparison
    : own;

const evidenceOf = ({ evidence: { tests, keep, sampleRatio } }: Decision): Evidence[] => {
  const alarmsOf = ({ signal, alarm }: TestReport) =>
    alarm === null
      ? []
      : [{ signal: SIGNAL_LABEL[signal], for: "alarm", ...farther(alarm, alarm.comparison) }];
  return [
    ...tests.flatMap((test) => [
      { signal: SIGNAL_LABEL[test.signal], for: "rollback", ...farther(test, test.comparison) },
      ...alarmsOf(test),
    ]),
    ...keep.map((report) => ({ ...report, signal: SIGNAL_LABEL[report.signal], for: "keep" })),
    ...(sampleRatio === null ? [] : [{ signal: "cohorts", for: "mismatch", ...sampleRatio }]),
  ];
};

/** Of several tests of a signal (by age, or by what it is held against) the one nearest to its bar. */
const nearestToBar = (all: readonly Evidence[]): Evidence[] => {
  const nearest = new Map<string, Evidence>();
  for (const one of all) {
    const key = `${one.for} ${one.signal}`;
    const other = nearest.get(key);
    if (other === undefined || one.logEvidence - one.logBar > other.logEvidence - other.logBar)
      nearest.set(key, one);
  }
  return [...nearest.values()];
};

/** A signal with the threshold 0 is not tested. */
const thresholdsOf = (rule: JudgedRule): Readonly<Record<string, number | undefined>> => ({
  activation: rule.activationThreshold || undefined,
  retention: rule.retentionThreshold || undefined,
  p95_latency: rule.latencyP95Threshold,
  error_rate: rule.errorRateThreshold,
});

type Labels = Readonly<Record<string, string>>;
type Row = readonly [Labels, number | null | undefined];

const keyOf = (labels: Labels): string => Object.values(labels).join(" ");

/** The series of each feature: those that its newest decision does not have are removed. */
const makeSeries = (gauge: Gauge) => {
  const shown = new Map<string, ReadonlyMap<string, Labels>>();
  return {
    show: (feature: string, rows: readonly Row[]): void => {
      const before = shown.get(feature);
      const now = new Map<string, Labels>();
      for (const [own, value] of rows) {
        if (value === null || value === undefined) continue;
        const labels = { feature, ...own };
        gauge.set(labels, value);
        now.set(keyOf(own), labels);
      }
      for (const [key, labels] of before ?? []) if (!now.has(key)) gauge.remove(labels);
      if (now.size > 0) shown.set(feature, now);
      else shown.delete(feature);
    },
    forget: (feature: string): void => {
      for (const labels of shown.get(feature)?.values() ?? []) gauge.remove(labels);
      shown.delete(feature);
    },
  };
};

type Report = { readonly feature: string; readonly rule: JudgedRule; readonly decision: Decision };

/** `at`: unix seconds of the evaluation. */
export const makeDecisionReport = (metrics: Metrics) => {
  const seenAt = new Map<string, number>();
  const series = {
    score: makeSeries(metrics.pmfScore),
    signal: makeSeries(metrics.signal),
    threshold: makeSeries(metrics.signalThreshold),
    cohort: makeSeries(metrics.cohortSize),
    state: makeSeries(metrics.featureState),
    enforced: makeSeries(metrics.enforced),
    evidence: makeSeries(metrics.logEvidence),
    bar: makeSeries(metrics.logBar),
    mismatch: makeSeries(metrics.sampleRatioMismatch),
    heldBack: makeSeries(metrics.heldBack),
  };
  return {
    show: ({ feature, rule, decision }: Report, at: number): void => {
      const { activation, retention, p95_latency, error_rate, exposed } = decision.details;
      const rows = (values: Readonly<Record<string, number | null | undefined>>) =>
        Object.entries(values).map(([signal, value]) => [{ signal }, value] as const);
      const evidence = nearestToBar(evidenceOf(decision));
      seenAt.set(feature, at);
      metrics.decisions.inc({ feature, action: decision.action });
      series.score.show(feature, [[{}, decision.score]]);
      series.signal.show(feature, rows({ activation, retention, p95_latency, error_rate }));
      series.threshold.show(feature, rows(thresholdsOf(rule)));
      series.cohort.show(feature, [
        [{ cohort: "treatment" }, exposed.treatment],
        [{ cohort: "holdout" }, exposed.holdout],
      ]);
      series.state.show(feature, [[{ state: decision.state }, 1]]);
      series.enforced.show(feature, [[{}, rule.mode === "enforce" ? 1 : 0]]);
      series.evidence.show(
        feature,
        evidence.map((one) => [{ signal: one.signal, for: one.for }, one.logEvidence]),
      );
      series.bar.show(
        feature,
        evidence.map((one) => [{ signal: one.signal, for: one.for }, one.logBar]),
      );
      series.mismatch.show(feature, isMismatched(decision) ? [[{}, 1]] : []);
      series.heldBack.show(feature, decision.heldBack === undefined ? [] : [[{}, 1]]);
    },
    /** Shows no more of features that are not evaluated here any more. */
    forgetOld: (at: number): void => {
      for (const [feature, lastAt] of seenAt) {
        if (at - lastAt < FORGET_AFTER_S) continue;
        seenAt.delete(feature);
        for (const each of Object.values(series)) each.forget(feature);
      }
    },
  };
};
