// Reads the parts of an admin request, each through its schema. What is wrong comes back as the answer to send.
import type { Context } from "hono";
import type { z } from "zod";
import { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { problem } from "../runtime/problem.ts";
import { schemaProblem } from "./field-problem.ts";

/** Who changes features by the admin API: there is one token, and nobody to tell apart. */
export const ACTOR = "admin";

/** Versions are strong validators: each change of a feature or its rule makes a new one. */
export const etagOf = (version: number): string => `"${version}"`;

/** The path's feature id, or the 400 that says what is wrong with it. */
export const readFeatureId = (context: Context): Result<FeatureId, Response> => {
  const parsed = FeatureId.safeParse(context.req.param("featureId"));
  return parsed.success ? ok(parsed.data) : err(schemaProblem(context, parsed.error, "featureId"));
};

export type Precondition = { readonly expectedVersion?: number | undefined };

/**
 * The version that the caller saw, from `If-Match`. With `required` a missing header is 428; `*` matches any version.
 * An ETag that Sluice never gave cannot match (412).
 */
export const readPrecondition = (
  context: Context,
  { required }: { required: boolean },
): Result<Precondition, Response> => {
  const header = context.req.header("if-match");
  if (header === undefined) {
    return required
      ? err(
          problem(context, {
            status: 428,
            title: "Precondition Required",
            detail: "an If-Match header with the ETag of the last GET is required",
          }),
        )
      : ok({});
  }
  if (header.trim() === "*") return ok({});
  const version = /^"(\d+)"$/.exec(header.trim())?.[1];
  return version === undefined
    ? err(
        problem(context, {
          status: 412,
          title: "Precondition Failed",
          detail: "If-Match is none of our ETags",
        }),
      )
    : ok({ expectedVersion: Number(version) });
};

/** The body as JSON through a schema, whatever its content type says; 400 names each wrong field. */
export const readBody = async <T>(context: Context, schema: z.ZodType<T>): Promise<Result<T, Response>> => {
  const text = await context.req.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return err(problem(context, { status: 400, title: "Bad Request", detail: "the body is not JSON" }));
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? ok(parsed.data) : err(schemaProblem(context, parsed.error));
};

/** A query parameter set through a schema, with the same errors as a body. */
export const readQuery = <T>(context: Context, schema: z.ZodType<T>): Result<T, Response> => {
  const parsed = schema.safeParse(context.req.query());
  return parsed.success ? ok(parsed.data) : err(schemaProblem(context, parsed.error));
};
