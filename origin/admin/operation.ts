// One operation of the admin API in one place: what the OpenAPI document says of it, who may call it, and how it is answered.
// A request is read through the schemas that the document is made of.
import { createRoute, z } from "@hono/zod-openapi";
import { ok, type Result } from "../../shared/result.ts";
import type { Principal, Scope } from "../access/principal.ts";
import type { AdminApp, AdminContext } from "./admin-context.ts";
import { answerOnce, IdempotencyKey } from "./idempotency.ts";
import { ProblemDocument, problemAnswers, type IfMatchUse } from "./problem-document.ts";
import { mayCall, scopeProblem } from "./permission.ts";
import { parseBody, readJson, readParams, readQuery } from "./read-request.ts";

type Fields = z.ZodObject | undefined;
type Schema = z.ZodType | undefined;
export type Output<S extends Schema> = S extends z.ZodType ? z.output<S> : undefined;

export type Answer = {
  readonly description: string;
  /** Absent: an answer without a body. */
  readonly schema?: z.ZodType;
  readonly contentType?: string;
  /** As plain text too, for those who ask for it by `Accept: text/plain`. */
  readonly alsoText?: true;
  /** Or a problem of this status. */
  readonly alsoProblem?: true;
};

export type Operation<Params extends Fields, Query extends Fields, Body extends Schema> = {
  readonly method: "get" | "post" | "put" | "delete";
  /** Below /admin/v1; `{name}` stands for a parameter. */
  readonly path: `/${string}`;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** The least scope that may call it; `hook`: whoever has the hook's secret, and no token. */
  readonly scope: Scope | "hook";
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** Its body names something that may not be there. */
  readonly bodyNames?: true;
  /** Whether a change has to name, by If-Match, the version that it is about. A first rule has none to name. */
  readonly ifMatch?: IfMatchUse;
  /** Its answer holds a secret, and is kept nowhere: it takes no Idempotency-Key. */
  readonly answersSecret?: true;
  readonly answers: Readonly<Record<number, Answer>>;
};

export type OperationRequest<Params extends Fields, Query extends Fields, Body extends Schema> = {
  readonly context: AdminContext;
  readonly principal: Principal;
  readonly params: Output<Params>;
  readonly query: Output<Query>;
  /** Read when it is asked for: a failed precondition is told before the body is looked at (RFC 9110, 13.2.2). */
  readonly readBody: () => Promise<Result<Output<Body>, Response>>;
};

const IfMatch = z.string().openapi({
  description: "Entity tags of the last GET, or `*`. A weak tag counts as the strong one.",
  example: '"3"',
});

const isRepeatable = (method: string, answersSecret: true | undefined): boolean =>
  method === "post" && answersSecret !== true;

const documentOf = <P extends Fields, Q extends Fields, B extends Schema>(operation: Operation<P, Q, B>) => {
  const { method, path, operationId, tag, summary, description, scope, ifMatch, answersSecret } = operation;
  const { params, query, body, answers } = operation;
  const headers = {
    ...(ifMatch === undefined ? {} : { "If-Match": ifMatch === "required" ? IfMatch : IfMatch.optional() }),
    ...(isRepeatable(method, answersSecret) ? { "Idempotency-Key": IdempotencyKey.optional() } : {}),
  };
  return createRoute({
    method,
    path,
    operationId,
    tags: [tag],
    summary,
    description: [
      description,
      scope === "hook" ? "It needs the hook's secret, and no token." : `Scope: \`${scope}\`.`,
    ]
      .filter((text) => text !== undefined)
      .join(" "),
    security: [scope === "hook" ? { hook: [] } : { bearer: [scope] }],
    request: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { query }),
      ...(Object.keys(headers).length === 0 ? {} : { headers: z.object(headers) }),
      ...(body === undefined
        ? {}
        : { body: { required: true, content: { "application/json": { schema: body } } } }),
    },
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(
          ([status, { description: text, schema, contentType, alsoText, alsoProblem }]) => [
            status,
            schema === undefined
              ? { description: text }
              : {
                  description: text,
                  content: {
                    [contentType ?? "application/json"]: { schema },
                    ...(alsoText === true ? { "text/plain": { schema: z.string() } } : {}),
                    ...(alsoProblem === true
                      ? { "application/problem+json": { schema: ProblemDocument } }
                      : {}),
                  },
                },
          ],
        ),
      ),
      ...problemAnswers({
        reads: params !== undefined || query !== undefined || body !== undefined,
        names: params !== undefined || operation.bodyNames === true,
        changes: method !== "get",
        takesBody: body !== undefined,
        ifMatch,
        repeatable: isRepeatable(method, answersSecret),
      }),
    },
  });
};

/** What `read` makes of the request by the schema; undefined where the operation has none. */
const readBy = <S extends Schema>(
  schema: S | undefined,
  read: (schema: z.ZodType) => Result<unknown, Response>,
): Result<Output<S>, Response> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `read` gives what the schema gives
  (schema === undefined ? ok(undefined) : read(schema)) as Result<Output<S>, Response>;

/** Names the operation in the document. Its route is added by the caller, which finds out by itself who asks. */
export const describeOperation = <
  P extends Fields = undefined,
  Q extends Fields = undefined,
  B extends Schema = undefined,
>(
  api: AdminApp,
  operation: Operation<P, Q, B>,
): void => {
  api.openAPIRegistry.registerPath(documentOf(operation));
};

/** Adds the operation to the API and to its document. */
export const addOperation = <
  P extends Fields = undefined,
  Q extends Fields = undefined,
  B extends Schema = undefined,
>(
  api: AdminApp,
  operation: Operation<P, Q, B> & { readonly scope: Scope },
  handle: (request: OperationRequest<P, Q, B>) => Response | Promise<Response>,
): void => {
  api.openAPIRegistry.registerPath(documentOf(operation));
  const { method, path, scope, answersSecret } = operation;
  const { params: paramsSchema, query: querySchema, body: bodySchema } = operation;
  api.on(method.toUpperCase(), path.replaceAll(/\{(\w+)\}/g, ":$1"), async (context) => {
    const principal = context.get("principal");
    if (!mayCall(principal, scope)) return scopeProblem(context, principal, scope);
    const params = readBy<P>(paramsSchema, (schema) => readParams(context, schema));
    if (!params.ok) return params.error;
    const query = readBy<Q>(querySchema, (schema) => readQuery(context, schema));
    if (!query.ok) return query.error;
    const readBody = async () => {
      const json = await readJson(context);
      return json.ok ? readBy<B>(bodySchema, (schema) => parseBody(context, json.value, schema)) : json;
    };
    const answer = async () =>
      handle({ context, principal, params: params.value, query: query.value, readBody });
    return isRepeatable(method, answersSecret)
      ? answerOnce(context, context.get("idempotentAnswers"), answer)
      : answer();
  });
};
