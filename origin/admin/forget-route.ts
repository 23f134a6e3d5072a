// Forgetting a unit: what is kept of a visitor or user is deleted.
import { z } from "@hono/zod-openapi";
import { UnitId } from "../../shared/ids.ts";
import type { AdminApp } from "./admin-context.ts";
import { Reason } from "./documents/feature.ts";
import { addOperation } from "./operation.ts";

const rows = z.number().int();
const ForgetBody = z.strictObject({
  unit: UnitId,
  reason: Reason.default("a person asked for it").openapi({
    description: "The audit keeps it. Do not name the unit in it.",
  }),
});
const ForgottenDocument = z
  .object({
    evidence: rows.openapi({ description: "Rows of exposures, activations and returns that were deleted." }),
    rawSpans: rows.openapi({ description: "Spans of `otel_spans` that were deleted." }),
    waiting: rows.openapi({ description: "Rows of requests that waited for an exposure and were deleted." }),
    logRecords: rows.openapi({ description: "Records of the log that now name nobody." }),
    isComplete: z.boolean().openapi({
      description:
        "false: a place was not reached, or the fold or the sending of spans is behind, and a row may still come. Forget again.",
    }),
    notReached: z
      .array(z.object({ place: z.string(), error: z.string() }))
      .openapi({ description: "Databases that could not be asked, a ClickHouse among them. Forget again." }),
    pseudonyms: z.array(z.string()).openapi({
      description: "Under which the unit was stored, for copies that Sluice does not reach.",
    }),
    namedBy: z.array(z.string()).openapi({
      description: "Features and segments whose targeting names the id. A person has to change them.",
    }),
  })
  .openapi("Forgotten");

export type ForgetUnit = (
  unitId: string,
  by: { actor: string; reason: string },
) => Promise<z.infer<typeof ForgottenDocument>>;

export const addForgetRoute = (api: AdminApp, { forgetUnit }: { forgetUnit: ForgetUnit }): void => {
  addOperation(
    api,
    {
      method: "post",
      path: "/forget",
      operationId: "forgetUnit",
      tag: "Privacy",
      summary: "Delete what is kept of a visitor or user",
      description:
        "`unit` is the id as telemetry names it: of a user the site's own, of a visitor what `/.sluice/explain` shows. It is deleted under the id and under its pseudonyms, in all features. Counts stay: nobody can be found in them. The audit says that a unit was forgotten, and not which. Repeating it finds nothing more.",
      scope: "admin",
      body: ForgetBody,
      // It holds pseudonyms, which would stay for a day under an Idempotency-Key. Repeating it does no harm.
      answersSecret: true,
      answers: { 200: { description: "What was deleted.", schema: ForgottenDocument } },
    },
    async ({ context, principal, readBody }) => {
      const body = await readBody();
      if (!body.ok) return body.error;
      const { unit, reason } = body.value;
      return context.json(await forgetUnit(unit, { actor: principal.actor, reason }));
    },
  );
};
