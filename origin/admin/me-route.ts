// Who the caller is and what it may do: so a program offers nothing that the API would refuse.
import { z } from "@hono/zod-openapi";
import type { AdminApp } from "./admin-context.ts";
import { addOperation } from "./operation.ts";

const MeDocument = z
  .object({
    actor: z.string().openapi({ description: "As the audit names the caller." }),
    scope: z.enum(["viewer", "editor", "admin"]),
    tags: z
      .array(z.string())
      .nullable()
      .openapi({ description: "It may change features with one of these tags only; null: any feature." }),
  })
  .openapi("Me");

export const addMeRoute = (api: AdminApp): void => {
  addOperation(
    api,
    {
      method: "get",
      path: "/me",
      operationId: "getMe",
      tag: "Tokens",
      summary: "Who the caller is, and what it may do",
      scope: "viewer",
      answers: { 200: { description: "The caller.", schema: MeDocument } },
    },
    ({ context, principal: { actor, scope, tags } }) => context.json({ actor, scope, tags }),
  );
};
