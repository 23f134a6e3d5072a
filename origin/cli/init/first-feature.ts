// The first feature of a site: closed, with a rule in shadow that decides and records, and closes nothing. Pure.

export type FirstFeature = {
  readonly featureId: string;
  /** Pages that it concerns; empty: all. */
  readonly paths: readonly string[];
  /** The request by which a visitor acts on it; null: nobody is asked to. */
  readonly activation: { readonly path: string; readonly method: string } | null;
  readonly rolloutBps: number;
  readonly holdoutBps: number;
};

const DAY_S = 86_400;

/** The body that makes it, closed. */
export const featureBody = ({ featureId, paths, activation, rolloutBps, holdoutBps }: FirstFeature) => ({
  featureId,
  rolloutBps,
  holdoutBps,
  ...(paths.length === 0 ? {} : { routes: paths.map((path) => ({ path })) }),
  ...(activation === null ? {} : { activation }),
});

/** Thresholds that a shop's first feature would be glad to reach; in shadow they cost nothing while they are being found. */
export const ruleBody = ({ activation }: Pick<FirstFeature, "activation">) => ({
  // At 0 a signal is not tested.
  activationThreshold: activation === null ? 0 : 0.05,
  retentionThreshold: 0.1,
  latencyP95Threshold: 1_000,
  minCohortSize: 1_000,
  evaluationWindowSeconds: 14 * DAY_S,
  mode: "shadow",
});
