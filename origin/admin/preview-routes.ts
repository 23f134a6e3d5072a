// Preview links: a signed permission to see one feature open for a while, whatever its state (docs/gate.md).
import { z } from "@hono/zod-openapi";
import { MAX_PREVIEW_S } from "../../shared/signing/preview.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { PreviewLinks } from "../features/preview-link.ts";
import { problem } from "../runtime/problem.ts";
import type { AdminApp } from "./admin-context.ts";
import { Time } from "./documents/common.ts";
import { FeatureParams } from "./documents/feature.ts";
import { findFeature, findOwnFeature } from "./feature-answers.ts";
import { fieldsProblem } from "./field-problem.ts";
import { addOperation } from "./operation.ts";

const PreviewBody = z.strictObject({
  minutes: z
    .number()
    .positive()
    .max(MAX_PREVIEW_S / 60)
    .default(60),
  to: z
    .string()
    .regex(/^\/(?![/\\])[^\s\\]*$/, "must be a path of the site, such as /checkout")
    .max(2_000)
    .default("/"),
  site: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .optional()
    .openapi({ description: "Where visitors reach the site; without it the first edge of `EDGE_URLS`." }),
});
const PreviewDocument = z.object({
  featureId: z.string(),
  url: z.string().openapi({ description: "Shows the feature open to everybody who follows it." }),
  expiresAt: Time.openapi({ description: "It ends earlier when the feature is opened again." }),
});
const PreviewTermsDocument = z.object({
  featureId: z.string(),
  isAvailable: z.boolean().openapi({ description: "Whether this origin holds `PREVIEW_KEYS`." }),
  site: z.string().nullable(),
});

export const addPreviewRoutes = (
  api: AdminApp,
  options: { features: Pick<FeatureReads, "getFeature">; previewLinks: PreviewLinks | null },
): void => {
  const { features, previewLinks } = options;

  addOperation(
    api,
    {
      method: "get",
      path: "/features/{featureId}/preview",
      operationId: "getPreviewTerms",
      tag: "Features",
      summary: "Whether preview links can be made here, and for which site",
      scope: "viewer",
      params: FeatureParams,
      answers: { 200: { description: "The terms.", schema: PreviewTermsDocument } },
    },
    async (request) => {
      const record = await findFeature(request, features);
      if (!record.ok) return record.error;
      const { featureId } = record.value.state;
      const site = previewLinks?.site ?? null;
      return request.context.json({ featureId, isAvailable: previewLinks !== null, site });
    },
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/features/{featureId}/preview",
      operationId: "makePreviewLink",
      tag: "Features",
      summary: "Make a link that shows one feature open, whatever its state",
      description: "It needs `PREVIEW_KEYS`, the edge's, at this origin; else 404.",
      scope: "editor",
      params: FeatureParams,
      body: PreviewBody,
      answersSecret: true,
      answers: { 201: { description: "The link.", schema: PreviewDocument } },
    },
    async (request) => {
      const { context, readBody } = request;
      const record = await findOwnFeature(request, features);
      if (!record.ok) return record.error;
      const body = await readBody();
      if (!body.ok) return body.error;
      if (previewLinks === null)
        return problem(context, {
          status: 404,
          title: "Not Found",
          detail: "this origin has no PREVIEW_KEYS: `npx sluice preview` makes links where they are",
        });
      const { minutes, to, site } = body.value;
      const siteUrl = site ?? previewLinks.site;
      if (siteUrl === null)
        return fieldsProblem(context, [
          { field: "site", reason: "is needed: no edge is configured (EDGE_URLS)" },
        ]);
      const { featureId, epoch } = record.value.state;
      const expires = Math.floor(Date.now() / 1_000 + minutes * 60);
      const url = previewLinks.make({ featureId, expires, epoch }, { siteUrl, to });
      return context.json({ featureId, url, expiresAt: new Date(expires * 1_000).toISOString() }, 201);
    },
  );
};
