// Health: what Sluice needs, checked when it is asked. `npx sluice doctor` and the console show it.
import { z } from "@hono/zod-openapi";
import { runHealthChecks, type HealthCheck } from "../runtime/health.ts";
import type { AdminApp } from "./admin-context.ts";
import { Time } from "./documents/common.ts";
import { addOperation } from "./operation.ts";

export type HealthOptions = {
  readonly checks: readonly HealthCheck[];
  /** Of this origin. */
  readonly version: string;
  /** Parts of this process that are not ready. */
  readonly notReady: () => Promise<readonly string[]>;
};

const Status = z.enum(["ok", "warning", "unknown", "failing"]).openapi({
  description: "`unknown`: it could not be checked.",
});

const HealthDocument = z
  .object({
    status: Status.openapi({ description: "The worst of all findings." }),
    at: Time,
    version: z.string(),
    node: z.string(),
    findings: z.array(
      z.object({
        check: z.string().openapi({ description: "One word, such as `database` or `edges`." }),
        status: Status,
        subject: z.string().optional().openapi({ description: "An edge, a region, a feature, a variable." }),
        summary: z.string(),
        todo: z.string().optional().openapi({ description: "What to do." }),
      }),
    ),
  })
  .openapi("Health");

export const addHealthRoute = (api: AdminApp, { health }: { health: HealthOptions }): void => {
  const ready: HealthCheck = {
    id: "origin",
    run: async () => {
      const missing = await health.notReady();
      return missing.length === 0
        ? [{ status: "ok", summary: "every part of this process is ready" }]
        : missing.map((summary) => ({ status: "failing", summary, todo: "see the origin's log" }));
    },
  };
  addOperation(
    api,
    {
      method: "get",
      path: "/health",
      operationId: "checkHealth",
      tag: "Delivery",
      summary: "Check everything that Sluice needs",
      description:
        "Database, replica, Redis, edges, telemetry, features, secrets and clocks, each for 6 s at most; what cannot be checked in that time is `unknown`, and the others are told. Each finding says what is wrong and what to do.",
      scope: "viewer",
      answers: { 200: { description: "What was found.", schema: HealthDocument } },
    },
    async ({ context }) =>
      context.json({
        at: new Date().toISOString(),
        version: health.version,
        node: process.version,
        ...(await runHealthChecks([ready, ...health.checks])),
      }),
  );
};
