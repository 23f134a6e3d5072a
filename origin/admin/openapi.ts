// The OpenAPI document of the admin API, made of the operations' own schemas.
import { CONDITION, conditionSchema } from "./documents/targeting.ts";
import type { AdminApp } from "./admin-context.ts";

const TAGS = [
  { name: "Features", description: "What is gated." },
  { name: "Rules", description: "What a feature has to achieve." },
  { name: "Rollout", description: "Who gets a feature: open, close, ramp." },
  { name: "Evaluations", description: "What was counted, and what Sluice makes of it." },
  { name: "Planning", description: "What a rule can decide, and when." },
  { name: "Configuration", description: "Features as files: plan, apply, export." },
  { name: "Audit", description: "Who changed what, and why." },
  { name: "Delivery", description: "How far the edges are." },
  { name: "Tokens", description: "Who may do what." },
];

/** OpenAPI 3.1. Make it once: it does not change while the process runs. */
export const openApiDocument = (api: AdminApp) => {
  const { openAPIRegistry: registry } = api;
  registry.registerComponent("schemas", CONDITION, conditionSchema());
  registry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "A token with the scope that the operation names, or a greater one: viewer, editor, admin.",
  });
  return api.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Sluice",
      version: "1",
      description: "The admin API of Sluice, an edge feature gate that closes itself.",
      license: { name: "Apache-2.0" },
    },
    servers: [{ url: "/admin/v1" }],
    tags: TAGS,
  });
};
