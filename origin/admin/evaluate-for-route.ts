// Who would get a feature, for a unit and a request that the caller names, also with fields that nobody has saved.
import type { FeatureReads } from "../features/feature-reads.ts";
import type { SegmentReads } from "../features/segments/segment-reads.ts";
import type { AdminApp } from "./admin-context.ts";
import { EvaluateBody, EvaluationForDocument } from "./documents/evaluate-for.ts";
import { dropUndefined, FeatureParams } from "./documents/feature.ts";
import { findFeature } from "./feature-answers.ts";
import { fieldsProblem } from "./field-problem.ts";
import { addOperation } from "./operation.ts";

export const addEvaluateForRoute = (
  api: AdminApp,
  {
    features,
    segments,
  }: { features: Pick<FeatureReads, "getFeature">; segments: Pick<SegmentReads, "evaluateFor"> },
): void => {
  addOperation(
    api,
    {
      method: "post",
      path: "/features/{featureId}/evaluate",
      operationId: "evaluateFeature",
      tag: "Features",
      summary: "Who would get a feature, and why",
      description:
        "For the unit and the request that the body describes, by the evaluator of the edges. `targeting` shows each condition with what the request has of it. Nothing is counted or changed.",
      scope: "viewer",
      params: FeatureParams,
      body: EvaluateBody,
      answers: { 200: { description: "The evaluation.", schema: EvaluationForDocument } },
    },
    async (request) => {
      const { context, readBody } = request;
      const found = await findFeature(request, features);
      if (!found.ok) return found.error;
      const body = await readBody();
      if (!body.ok) return body.error;
      const { feature, visitor, user, ...asked } = body.value;
      const { rolloutBps, holdoutBps } = { ...found.value.state, ...dropUndefined(feature) };
      if (rolloutBps + holdoutBps > 10_000)
        return fieldsProblem(context, [
          { field: "feature.rolloutBps", reason: `leaves no room for the holdout of ${holdoutBps}` },
        ]);
      const evaluation = await segments.evaluateFor(found.value, dropUndefined(feature), {
        ...asked,
        visitorId: visitor,
        userId: user,
      });
      return evaluation.ok
        ? context.json(evaluation.value)
        : fieldsProblem(context, [{ field: "feature.targeting", reason: evaluation.error }]);
    },
  );
};
