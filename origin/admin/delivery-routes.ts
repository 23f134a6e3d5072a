// Edges: how far each one is with committed changes, what keeps failing, the telemetry that comes back, the receipt of a rollback.
import type { DeliveryReads } from "../delivery/delivery-reads.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { problem } from "../runtime/problem.ts";
import { z } from "@hono/zod-openapi";
import { FeatureId } from "../../shared/ids.ts";
import { wholeInQuery } from "./documents/common.ts";
import {
  DeadLettersDocument,
  EdgesDocument,
  FeatureDeliveryDocument,
  ReceiptDocument,
  ReceiptsDocument,
} from "./documents/delivery.ts";
import { FeatureParams } from "./documents/feature.ts";
import { findFeature } from "./feature-answers.ts";
import type { AdminApp } from "./admin-context.ts";
import { addOperation } from "./operation.ts";

const MAX_DEAD_LETTERS = 500;

const RevisionParams = z.object({ revision: wholeInQuery(1, Number.MAX_SAFE_INTEGER) });
const UNSIGNED = "receipts are signed with PUSH_KEYS, which is not set";

export const addDeliveryRoutes = (
  api: AdminApp,
  options: {
    features: Pick<FeatureReads, "getFeature" | "newestChange" | "newestRollback" | "rollbacksAt">;
    delivery: DeliveryReads;
    evaluation: Pick<EvaluationReads, "readRegions">;
  },
): void => {
  const { features, delivery, evaluation } = options;

  addOperation(
    api,
    {
      method: "get",
      path: "/edges",
      operationId: "listEdges",
      tag: "Delivery",
      summary: "How far each edge is, and which regions send telemetry",
      scope: "viewer",
      answers: { 200: { description: "Edges and regions.", schema: EdgesDocument } },
    },
    async ({ context }) =>
      context.json({ ...(await delivery.readEdges()), telemetry: await evaluation.readRegions() }),
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/dead-letters",
      operationId: "listDeadLetters",
      tag: "Delivery",
      summary: "Messages and edges that keep failing",
      scope: "viewer",
      answers: { 200: { description: "The longest failing first.", schema: DeadLettersDocument } },
    },
    async ({ context }) => context.json({ deadLetters: await delivery.readDeadLetters(MAX_DEAD_LETTERS) }),
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/features/{featureId}/delivery",
      operationId: "getDelivery",
      tag: "Delivery",
      summary: "Where a feature's newest change has arrived, and after how many milliseconds",
      scope: "viewer",
      params: FeatureParams,
      answers: { 200: { description: "The change, and each edge.", schema: FeatureDeliveryDocument } },
    },
    async (request) => {
      const { context } = request;
      const record = await findFeature(request, features);
      if (!record.ok) return record.error;
      const { featureId } = record.value.state;
      const change = await features.newestChange(featureId);
      if (change === null)
        return problem(context, {
          status: 404,
          title: "Not Found",
          detail: "the audit has no change of the feature",
        });
      const { action, reason, actor, revision, at } = change;
      const where = await delivery.readFeatureDelivery({ ...change, featureId });
      return context.json({ featureId, action, reason, actor, revision, at, ...where });
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/features/{featureId}/receipt",
      operationId: "getReceipt",
      tag: "Delivery",
      summary: "The signed receipt of a feature's newest rollback",
      description: "With the evidence, the audit entry's hash, and which region confirmed when.",
      scope: "viewer",
      params: FeatureParams,
      answers: { 200: { description: "The receipt, to be downloaded.", schema: ReceiptDocument } },
    },
    async (request) => {
      const { context } = request;
      const record = await findFeature(request, features);
      if (!record.ok) return record.error;
      const { featureId } = record.value.state;
      const none = (detail: string) => problem(context, { status: 404, title: "Not Found", detail });
      const rollback = await features.newestRollback(featureId);
      if (rollback === null) return none("the feature was never rolled back");
      const receipt = await delivery.signedReceipt(featureId, rollback);
      if (receipt === null) return none(UNSIGNED);
      context.header("content-disposition", `attachment; filename="rollback-${rollback.revision}.json"`);
      return context.json(receipt);
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/revisions/{revision}/receipts",
      operationId: "listReceipts",
      tag: "Delivery",
      summary: "The signed receipts of all rollbacks of one revision",
      description: "One rollback may close several features: all with a tag, and those that require them.",
      scope: "viewer",
      params: RevisionParams,
      answers: { 200: { description: "A receipt for each feature, by its id.", schema: ReceiptsDocument } },
    },
    async ({ context, params: { revision } }) => {
      const none = (detail: string) => problem(context, { status: 404, title: "Not Found", detail });
      const receipts = [];
      for (const rollback of await features.rollbacksAt(revision)) {
        const receipt = await delivery.signedReceipt(FeatureId.parse(rollback.featureId), rollback);
        if (receipt === null) return none(UNSIGNED);
        receipts.push(receipt);
      }
      return receipts.length === 0
        ? none(`nothing was rolled back in revision ${revision}`)
        : context.json({ receipts });
    },
  );
};
