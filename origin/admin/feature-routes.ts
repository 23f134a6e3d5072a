// Features: list, create, read, edit, delete.
import { z } from "@hono/zod-openapi";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import {
  dropUndefined,
  editBodyFor,
  FeatureDocument,
  FeatureEditBody,
  FeatureParams,
  FeaturesDocument,
  NewFeatureBody,
  Reason,
} from "./documents/feature.ts";
import { FeatureListQuery, nextOf, readAfter } from "./documents/feature-list.ts";
import { upcomingDocument } from "./documents/upcoming.ts";
import { answerFeature, findOwnFeature, warnedDocumentOf } from "./feature-answers.ts";
import type { Schedules } from "../features/schedules/make-schedules.ts";
import type { AdminApp } from "./admin-context.ts";
import { addOperation } from "./operation.ts";
import { fieldsProblem } from "./field-problem.ts";
import { mayChange, tagProblem } from "./permission.ts";
import { readBody, readPrecondition } from "./read-request.ts";
import { Force, waits, type SubmitChange } from "./submit-change.ts";

const ReasonQuery = z.object({ reason: Reason.optional(), force: Force });
const ForceQuery = z.object({ force: Force });

const feature = { description: "The feature, with its ETag.", schema: FeatureDocument };

export const addFeatureRoutes = (
  api: AdminApp,
  options: {
    features: Pick<FeatureReads, "getFeature" | "listFeatures">;
    submit: SubmitChange;
    schedules: Pick<Schedules, "upcoming">;
    evaluation: Pick<EvaluationReads, "ruleWarnings" | "standings">;
  },
): void => {
  const { features, submit, schedules, evaluation } = options;

  addOperation(
    api,
    {
      method: "get",
      path: "/features",
      operationId: "listFeatures",
      tag: "Features",
      summary: "List features, a page at a time",
      scope: "viewer",
      description:
        "By their ids, or as `sort` says. Pages stay right while features are made and deleted; a feature whose sorted value changes in between may come twice or not at all.",
      query: FeatureListQuery,
      answers: { 200: { description: "A page of features.", schema: FeaturesDocument } },
    },
    async ({ context, query }) => {
      const after = readAfter(query);
      if (!after.ok) return fieldsProblem(context, [{ field: "after", reason: after.error }]);
      const page = await features.listFeatures({ ...query, after: after.value });
      const ids = page.items.map(({ state }) => state.featureId);
      const [standings, planned] = await Promise.all([
        evaluation.standings(
          page.items.map(({ state, rule }) => ({ ...state, minCohortSize: rule?.minCohortSize ?? null })),
        ),
        schedules.upcoming(ids),
      ]);
      const upcoming = Map.groupBy(planned, ({ featureId }) => featureId);
      return context.json({
        features: page.items.map(({ rule, ...record }) => {
          const { featureId } = record.state;
          const { verdict = null, standing = null, ramp = null } = standings.get(featureId) ?? {};
          return {
            ...warnedDocumentOf(record, []),
            mode: rule?.mode ?? null,
            verdict,
            standing,
            ramp:
              rule?.ramp === undefined
                ? null
                : { ...rule.ramp, since: ramp?.since ?? null, paused: ramp?.paused ?? false },
            schedules: (upcoming.get(featureId) ?? []).map(upcomingDocument),
          };
        }),
        total: page.total,
        next: nextOf(query, page.next),
      });
    },
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/features",
      operationId: "createFeature",
      tag: "Features",
      summary: "Create a feature",
      description: "It is closed, unless the body opens it.",
      scope: "editor",
      query: ForceQuery,
      body: NewFeatureBody,
      answers: { 201: feature, ...waits },
    },
    async ({ context, principal, query: { force }, readBody: read }) => {
      const body = await read();
      if (!body.ok) return body.error;
      const { reason, featureId, ...given } = body.value;
      if (!mayChange(principal, given.tags ?? [])) return tagProblem(context, principal);
      const change = { kind: "create", featureId, feature: dropUndefined(given) } as const;
      const created = await submit({ context, principal, change, reason, otherwise: "created", force });
      if (!created.ok) return created.error;
      context.header("location", `/admin/v1/features/${encodeURIComponent(featureId)}`);
      const { warnings } = created.value;
      return answerFeature(context, features, featureId, { status: 201, warnings });
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/features/{featureId}",
      operationId: "getFeature",
      tag: "Features",
      summary: "Read a feature",
      scope: "viewer",
      params: FeatureParams,
      answers: { 200: feature },
    },
    ({ context, params }) => answerFeature(context, features, params.featureId),
  );

  addOperation(
    api,
    {
      method: "put",
      path: "/features/{featureId}",
      operationId: "updateFeature",
      tag: "Features",
      summary: "Change fields of a feature",
      description:
        "Fields that are not named keep their values. The document of a GET may be sent back: what the service keeps itself may stand in it unchanged.",
      scope: "editor",
      params: FeatureParams,
      ifMatch: "required",
      query: ForceQuery,
      body: FeatureEditBody.loose(),
      answers: { 200: feature, ...waits },
    },
    async (request) => {
      const { context, principal, query } = request;
      const record = await findOwnFeature(request, features);
      if (!record.ok) return record.error;
      const { featureId, version } = record.value.state;
      const precondition = readPrecondition(context, { version, required: true });
      if (!precondition.ok) return precondition.error;
      const body = await readBody(context, editBodyFor(record.value));
      if (!body.ok) return body.error;
      const { reason, ...edit } = body.value;
      // Else a token could hand the feature to somebody else, and not take it back.
      if (!mayChange(principal, edit.tags ?? record.value.tags)) return tagProblem(context, principal);
      const change = { kind: "update", featureId, edit: dropUndefined(edit) } as const;
      const { force } = query;
      const given = { change, reason, otherwise: "edited", force };
      const updated = await submit({ context, principal, ...given, ...precondition.value });
      if (!updated.ok) return updated.error;
      const { rolloutBps, holdoutBps } = record.value.state;
      const setsShares =
        (edit.rolloutBps ?? rolloutBps) !== rolloutBps || (edit.holdoutBps ?? holdoutBps) !== holdoutBps;
      const warnings = setsShares ? await evaluation.ruleWarnings(featureId) : [];
      return answerFeature(context, features, featureId, { warnings });
    },
  );

  addOperation(
    api,
    {
      method: "delete",
      path: "/features/{featureId}",
      operationId: "deleteFeature",
      tag: "Features",
      summary: "Delete a feature",
      scope: "editor",
      params: FeatureParams,
      query: ReasonQuery,
      ifMatch: "required",
      answers: { 204: { description: "It is deleted." }, ...waits },
    },
    async (request) => {
      const { context, principal, query } = request;
      const record = await findOwnFeature(request, features);
      if (!record.ok) return record.error;
      const { featureId, version } = record.value.state;
      const precondition = readPrecondition(context, { version, required: true });
      if (!precondition.ok) return precondition.error;
      const change = { kind: "delete", featureId } as const;
      const given = { change, reason: query.reason, otherwise: "deleted", force: query.force };
      const deleted = await submit({ context, principal, ...given, ...precondition.value });
      return deleted.ok ? context.body(null, 204) : deleted.error;
    },
  );
};
