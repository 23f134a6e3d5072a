// Features: list, create, read, edit, delete.
import { Hono } from "hono";
import { z } from "zod";
import type { FeatureChanges } from "../features/change-feature.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { changeProblem } from "./change-problem.ts";
import { answerFeature, findFeature } from "./feature-answers.ts";
import { documentOf, dropUndefined, editBodyFor, NewFeatureBody } from "./feature-document.ts";
import { ACTOR, readBody, readFeatureId, readPrecondition, readQuery, readReason } from "./read-request.ts";

const Paging = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  after: z.string().optional(),
  tag: z.string().optional(),
});

export const makeFeatureRoutes = (options: {
  features: Pick<FeatureReads, "getFeature" | "listFeatures">;
  changes: Pick<FeatureChanges, "createFeature" | "updateFeature" | "deleteFeature">;
}): Hono => {
  const { features, changes } = options;
  const app = new Hono();

  app.get("/features", async (context) => {
    const query = readQuery(context, Paging);
    if (!query.ok) return query.error;
    const page = await features.listFeatures(query.value);
    return context.json({ features: page.items.map(documentOf), next: page.next });
  });

  app.post("/features", async (context) => {
    const body = await readBody(context, NewFeatureBody);
    if (!body.ok) return body.error;
    const { reason = "created", featureId, ...given } = body.value;
    const by = { actor: ACTOR, reason };
    const created = await changes.createFeature({ ...dropUndefined(given), featureId }, by);
    if (!created.ok) return changeProblem(context, created.error);
    context.header("location", `/admin/v1/features/${encodeURIComponent(featureId)}`);
    return answerFeature(context, features, featureId, { status: 201, warnings: created.value.warnings });
  });

  app.get("/features/:featureId", async (context) => {
    const id = readFeatureId(context);
    return id.ok ? answerFeature(context, features, id.value) : id.error;
  });

  app.put("/features/:featureId", async (context) => {
    const record = await findFeature(context, features);
    if (!record.ok) return record.error;
    const { featureId, version } = record.value.state;
    const precondition = readPrecondition(context, { version, required: true });
    if (!precondition.ok) return precondition.error;
    const body = await readBody(context, editBodyFor(record.value));
    if (!body.ok) return body.error;
    const { reason = "edited", ...edit } = body.value;
    const target = { featureId, ...precondition.value };
    const updated = await changes.updateFeature(target, dropUndefined(edit), { actor: ACTOR, reason });
    return updated.ok ? answerFeature(context, features, featureId) : changeProblem(context, updated.error);
  });

  app.delete("/features/:featureId", async (context) => {
    const record = await findFeature(context, features);
    if (!record.ok) return record.error;
    const { featureId, version } = record.value.state;
    const precondition = readPrecondition(context, { version, required: true });
    if (!precondition.ok) return precondition.error;
    const reason = readReason(context, "deleted");
    if (!reason.ok) return reason.error;
    const by = { actor: ACTOR, reason: reason.value };
    const deleted = await changes.deleteFeature({ featureId, ...precondition.value }, by);
    return deleted.ok ? context.body(null, 204) : changeProblem(context, deleted.error);
  });

  return app;
};
