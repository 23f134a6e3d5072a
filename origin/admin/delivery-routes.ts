// Edges: how far each one is with committed changes, what keeps failing, the telemetry that comes back, the receipt of a rollback.
import { Hono } from "hono";
import type { DeliveryReads } from "../delivery/delivery-reads.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { problem } from "../runtime/problem.ts";
import { findFeature } from "./feature-answers.ts";

const MAX_DEAD_LETTERS = 500;

export const makeDeliveryRoutes = (options: {
  features: Pick<FeatureReads, "getFeature" | "newestRollback">;
  delivery: DeliveryReads;
  evaluation: Pick<EvaluationReads, "readRegions">;
}): Hono => {
  const { features, delivery, evaluation } = options;
  const app = new Hono();

  app.get("/edges", async (context) =>
    context.json({ ...(await delivery.readEdges()), telemetry: await evaluation.readRegions() }),
  );

  app.get("/dead-letters", async (context) =>
    context.json({ deadLetters: await delivery.readDeadLetters(MAX_DEAD_LETTERS) }),
  );

  app.get("/features/:featureId/receipt", async (context) => {
    const record = await findFeature(context, features);
    if (!record.ok) return record.error;
    const { featureId } = record.value.state;
    const none = (detail: string) => problem(context, { status: 404, title: "Not Found", detail });
    const rollback = await features.newestRollback(featureId);
    if (rollback === null) return none("the feature was never rolled back");
    const receipt = await delivery.signedReceipt(featureId, rollback);
    if (receipt === null) return none("receipts are signed with PUSH_KEYS, which is not set");
    context.header("content-disposition", `attachment; filename="rollback-${rollback.revision}.json"`);
    return context.json(receipt);
  });

  return app;
};
