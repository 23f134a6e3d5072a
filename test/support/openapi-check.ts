// Holds answers to the OpenAPI document: each must be one that the operation names, with a body of its schema.
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { z } from "zod";

const Media = z.record(z.string(), z.object({ schema: z.unknown() }));
const OpenApi = z.looseObject({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        operationId: z.string(),
        requestBody: z.object({ content: Media }).optional(),
        responses: z.record(z.string(), z.object({ content: Media.optional() })),
      }),
    ),
  ),
});

const escape = (part: string): string => part.replaceAll("~", "~0").replaceAll("/", "~1");

export type ObservedAnswer = {
  readonly method: string;
  /** Below /admin/v1, without a query. */
  readonly path: string;
  readonly requestBody: string | null;
  readonly status: number;
  readonly contentType: string | null;
  readonly body: string;
};

export const makeOpenApiCheck = (document: object) => {
  const { paths } = OpenApi.parse(JSON.parse(JSON.stringify(document)));
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(JSON.parse(JSON.stringify(document)), "api");

  const operations = Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      template,
      method,
      operation,
      pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
    })),
  );

  const validate = (pointer: readonly string[], json: unknown): string[] => {
    const check = ajv.compile({ $ref: `api#/${pointer.map(escape).map(encodeURIComponent).join("/")}` });
    return check(json) ? [] : [ajv.errorsText(check.errors)];
  };

  /** What the document does not say of this answer; empty when it says all. A path that it does not have is none of its. */
  return (answer: ObservedAnswer): string[] => {
    const found = operations.find(
      ({ method, pattern }) => method === answer.method.toLowerCase() && pattern.test(answer.path),
    );
    if (found === undefined) return [];
    const { template, method, operation } = found;
    const place = ["paths", template, method];
    const described = operation.responses[String(answer.status)];
    if (described === undefined)
      return [`${operation.operationId} does not name the answer ${answer.status}`];
    const isCarriedOut = answer.status < 300;
    const request =
      isCarriedOut && operation.requestBody !== undefined
        ? validate(
            [...place, "requestBody", "content", "application/json", "schema"],
            JSON.parse(answer.requestBody ?? "null"),
          )
        : [];
    const { content } = described;
    if (content === undefined)
      return answer.body === "" ? request : [...request, `${operation.operationId} should have no body`];
    const type = answer.contentType?.split(";")[0] ?? "";
    if (content[type] === undefined)
      return [...request, `${operation.operationId} does not name the type ${type}`];
    const pointer = [...place, "responses", String(answer.status), "content", type, "schema"];
    const body: unknown = type === "text/plain" ? answer.body : JSON.parse(answer.body);
    return [...request, ...validate(pointer, body)];
  };
};
