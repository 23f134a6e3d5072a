// A page is many requests: a visitor who meets the same features again gets the last evaluation again. It belongs to the
// cached identity of the visitor's cookie and goes with it. All of them together are bounded by the features in them.
import type { Identity } from "../visitor/identity.ts";
import type { FeatureList } from "./compiled-feature.ts";
import { evaluateUnits, type RequestEvaluation } from "./evaluate.ts";

/** Compared features in all cached evaluations: some 40 bytes each, and the isolate has 128 MB. */
const MAX_SIZE = 1_000_000;
/** An evaluation takes as much as ten features, beside its own. */
const EVALUATION = 10;

type Cached = { readonly features: FeatureList; readonly evaluation: RequestEvaluation };

const sizeOf = ({ evaluation }: Cached): number => evaluation.compared.length + EVALUATION;

export type EvaluationCache = {
  readonly evaluate: (features: FeatureList, identity: Identity) => RequestEvaluation;
  /** In compared features. */
  readonly size: () => number;
};

export const makeEvaluationCache = (): EvaluationCache => {
  let byIdentity = new WeakMap<Identity, Cached>();
  let size = 0;
  return {
    evaluate: (features, identity) => {
      const last = byIdentity.get(identity);
      if (last?.features === features) return last.evaluation;
      const next = { features, evaluation: evaluateUnits(features, identity) };
      if (identity.signed === null) return next.evaluation;
      size += sizeOf(next) - (last === undefined ? 0 : sizeOf(last));
      if (size > MAX_SIZE) {
        byIdentity = new WeakMap();
        size = sizeOf(next);
      }
      byIdentity.set(identity, next);
      return next.evaluation;
    },
    size: () => size,
  };
};
