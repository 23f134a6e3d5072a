// The problem document (RFC 9457) with which every operation answers a request that it does not carry out.
import { z } from "@hono/zod-openapi";

export const ProblemDocument = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().optional().openapi({ description: "What is wrong and what to do, for a person." }),
    reason: z.string().optional().openapi({ description: "The same in one word, for a program." }),
    errors: z
      .array(
        z.object({
          field: z.string().openapi({ description: "Dotted path of the field; empty for the body itself." }),
          pointer: z.string().openapi({ description: "The same as a JSON pointer (RFC 6901)." }),
          detail: z.string(),
        }),
      )
      .optional()
      .openapi({ description: "Each wrong field." }),
    requestId: z
      .string()
      .optional()
      .openapi({ description: "As in the header X-Request-Id and in the log." }),
  })
  .openapi("Problem");

const answer = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: ProblemDocument } },
});

export type IfMatchUse = "required" | "unlessFirst" | "optional";

/** The problems that an operation can answer with, by what it reads. */
export const problemAnswers = (operation: {
  /** It reads parameters, a query or a body. */
  reads: boolean;
  /** Its path names something. */
  names: boolean;
  changes: boolean;
  takesBody: boolean;
  ifMatch: IfMatchUse | undefined;
  /** It takes an Idempotency-Key. */
  repeatable: boolean;
}) => ({
  ...(operation.reads ? { 400: answer("A field is wrong; each is named.") } : {}),
  401: answer("There is no valid token."),
  403: answer("The token may not do this."),
  ...(operation.names ? { 404: answer("There is no such thing.") } : {}),
  ...(operation.changes ? { 409: answer("It does not fit the present state.") } : {}),
  ...(operation.ifMatch === undefined ? {} : { 412: answer("It was changed since you read it.") }),
  ...(operation.takesBody ? { 413: answer("The body, or all features together, would be too large.") } : {}),
  ...(operation.ifMatch === undefined || operation.ifMatch === "optional"
    ? {}
    : { 428: answer("If-Match is missing.") }),
  ...(operation.repeatable ? { 422: answer("The Idempotency-Key was used for another request.") } : {}),
  429: answer("Too many requests; Retry-After says when to come again."),
  500: answer("The service failed; the log has the reason under the request's id."),
});
