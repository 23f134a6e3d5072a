// Annotations: what a pipeline or a person marks on the time charts of features.
import { z } from "@hono/zod-openapi";
import type { Principal } from "../access/principal.ts";
import { FeatureId } from "../../shared/ids.ts";
import type { Annotations, NewAnnotation } from "../features/annotations.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { problem } from "../runtime/problem.ts";
import type { AdminApp } from "./admin-context.ts";
import { Time, wholeInQuery } from "./documents/common.ts";
import { findFeature } from "./feature-answers.ts";
import { fieldsProblem } from "./field-problem.ts";
import { addOperation } from "./operation.ts";
import { mayChange, tagProblem } from "./permission.ts";

/** A clock that goes a little wrong is no reason to refuse a deploy. */
const AHEAD_MS = 86_400_000;

const instant = z.iso.datetime({ offset: true });
const AnnotationBody = z.strictObject({
  title: z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(200)
    .openapi({ example: "Deploy 4711 of the shop" }),
  at: instant.optional().openapi({ description: "When it was; without it now." }),
  link: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .optional()
    .openapi({ description: "Where one can read more." }),
  tags: z.array(z.string().min(1).max(64)).max(20).default([]),
  features: z
    .array(FeatureId)
    .max(50)
    .default([])
    .openapi({ description: "Without tags and features it is about all features." }),
});
const AnnotationDocument = z
  .object({
    annotationId: z.string(),
    at: Time,
    title: z.string(),
    link: z.string().nullable(),
    tags: z.array(z.string()),
    features: z.array(z.string()),
    madeBy: z.string(),
    madeAt: Time,
  })
  .openapi("Annotation");
const AnnotationsDocument = z.object({ annotations: z.array(AnnotationDocument) });
const AnnotationParams = z.object({ annotationId: z.string().max(64) });
const AnnotationQuery = z.object({
  featureId: FeatureId.optional().openapi({
    description: "Only those about this feature, about one of its tags, or about all features.",
  }),
  since: instant.optional(),
  until: instant.optional(),
  limit: wholeInQuery(1, 500).default(100),
});

const dateOf = (text: string | undefined): Date | undefined =>
  text === undefined ? undefined : new Date(text);

export const addAnnotationRoutes = (
  api: AdminApp,
  options: { annotations: Annotations; features: Pick<FeatureReads, "getFeature"> },
): void => {
  const { annotations, features } = options;

  /** A token of some tags marks those, or features with one of them. */
  const mayMark = async (
    principal: Principal,
    about: Pick<NewAnnotation, "tags" | "features">,
  ): Promise<boolean> => {
    if (principal.tags === null) return true;
    if (about.tags.length + about.features.length === 0) return false;
    if (!about.tags.every((tag) => mayChange(principal, [tag]))) return false;
    const records = await Promise.all(about.features.map((featureId) => features.getFeature(featureId)));
    return records.every((record) => record === null || mayChange(principal, record.tags));
  };

  addOperation(
    api,
    {
      method: "post",
      path: "/annotations",
      operationId: "annotate",
      tag: "Annotations",
      summary: "Mark a moment, such as a deploy, on the charts of features",
      description: "It changes nothing. It is kept for 400 days.",
      scope: "editor",
      body: AnnotationBody,
      answers: { 201: { description: "The annotation.", schema: AnnotationDocument } },
    },
    async ({ context, principal, readBody }) => {
      const body = await readBody();
      if (!body.ok) return body.error;
      const { title, link = null, tags, features: featureIds } = body.value;
      const at = dateOf(body.value.at) ?? new Date();
      if (at.getTime() > Date.now() + AHEAD_MS)
        return fieldsProblem(context, [{ field: "at", reason: "is more than a day in the future" }]);
      const known = await Promise.all(featureIds.map((featureId) => features.getFeature(featureId)));
      const unknown = featureIds.flatMap((featureId, i) =>
        known[i] === null ? [{ field: `features.${i}`, reason: `there is no feature ${featureId}` }] : [],
      );
      if (unknown.length > 0) return fieldsProblem(context, unknown);
      const about = { tags, features: featureIds };
      if (!(await mayMark(principal, about))) return tagProblem(context, principal);
      const made = await annotations.annotate({ ...about, at, title, link, madeBy: principal.actor });
      return context.json(made, 201);
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/annotations",
      operationId: "listAnnotations",
      tag: "Annotations",
      summary: "List annotations, the newest first",
      scope: "viewer",
      query: AnnotationQuery,
      bodyNames: true,
      answers: { 200: { description: "Annotations.", schema: AnnotationsDocument } },
    },
    async ({ context, query: { featureId, since, until, limit } }) => {
      const range = { limit, since: dateOf(since), until: dateOf(until) };
      if (featureId === undefined)
        return context.json({ annotations: await annotations.listAnnotations(range) });
      const record = await findFeature({ context, params: { featureId } }, features);
      if (!record.ok) return record.error;
      const feature = { featureId, tags: record.value.tags };
      return context.json({ annotations: await annotations.listAnnotations({ ...range, feature }) });
    },
  );

  addOperation(
    api,
    {
      method: "delete",
      path: "/annotations/{annotationId}",
      operationId: "deleteAnnotation",
      tag: "Annotations",
      summary: "Take an annotation away",
      scope: "editor",
      params: AnnotationParams,
      answers: { 204: { description: "It is gone." } },
    },
    async ({ context, principal, params: { annotationId } }) => {
      const found = await annotations.getAnnotation(annotationId);
      if (found === null)
        return problem(context, {
          status: 404,
          title: "Not Found",
          detail: `there is no annotation ${annotationId}`,
        });
      if (!(await mayMark(principal, found))) return tagProblem(context, principal);
      await annotations.deleteAnnotation(annotationId);
      return context.body(null, 204);
    },
  );
};
