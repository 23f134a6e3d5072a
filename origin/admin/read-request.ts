// Reads the parts of an admin request, each through its schema. What is wrong comes back as the answer to send.
import type { Context } from "hono";
import type { z } from "zod";
import { err, ok, type Result } from "../../shared/result.ts";
import { problem } from "../runtime/problem.ts";
import { schemaProblem, textProblem } from "./field-problem.ts";
import { unstorableTexts } from "./storable-text.ts";

/** Versions are strong validators: each change of a feature or its rule makes a new one. */
export const etagOf = (version: number): string => `"${version}"`;

/** 412: the caller has seen another version than the present one. */
export const versionProblem = (context: Context, have: number, what = "the feature"): Response =>
  problem(context, {
    status: 412,
    title: "Precondition Failed",
    detail: `${what} is at version ${have} now`,
    have,
  });

export type Precondition = { readonly expectedVersion?: number | undefined };

/** The entity tags of an `If-Match` header; a weak one counts as ours, since a proxy that compresses answers makes it so. */
const namesVersion = (ifMatch: string, version: number): boolean =>
  ifMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etagOf(version));

/**
 * The version that a change is about, from `If-Match` (RFC 9110, 13.1.1) and the feature's `version` now. With `required` a
 * missing header is 428. A header that does not name the version is 412, before the body is looked at; `*` matches any.
 */
export const readPrecondition = (
  context: Context,
  { version, required, what }: { version: number; required: boolean; what?: string },
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
  return namesVersion(header, version)
    ? ok({ expectedVersion: version })
    : err(versionProblem(context, version, what));
};

/** The body as JSON, whatever its content type says. */
export const readJson = async (context: Context): Promise<Result<unknown, Response>> => {
  const text = await context.req.text();
  try {
    return ok(JSON.parse(text));
  } catch {
    return err(problem(context, { status: 400, title: "Bad Request", detail: "the body is not JSON" }));
  }
};

/** A body through its schema; 400 names each wrong field. */
export const parseBody = <T>(context: Context, json: unknown, schema: z.ZodType<T>): Result<T, Response> => {
  const unstorable = unstorableTexts(json);
  if (unstorable.length > 0) return err(textProblem(context, unstorable));
  const parsed = schema.safeParse(json);
  return parsed.success ? ok(parsed.data) : err(schemaProblem(context, parsed.error));
};

/** A body whose schema depends on what the request is about. */
export const readBody = async <T>(context: Context, schema: z.ZodType<T>): Promise<Result<T, Response>> => {
  const json = await readJson(context);
  return json.ok ? parseBody(context, json.value, schema) : json;
};

const readFields = <T>(
  context: Context,
  given: Readonly<Record<string, string>>,
  schema: z.ZodType<T>,
): Result<T, Response> => {
  const unstorable = unstorableTexts(given);
  if (unstorable.length > 0) return err(textProblem(context, unstorable));
  const parsed = schema.safeParse(given);
  return parsed.success ? ok(parsed.data) : err(schemaProblem(context, parsed.error));
};

/** The query through its schema, with the same errors as a body. */
export const readQuery = <T>(context: Context, schema: z.ZodType<T>): Result<T, Response> =>
  readFields(context, context.req.query(), schema);

/** The parameters in the path. */
export const readParams = <T>(context: Context, schema: z.ZodType<T>): Result<T, Response> =>
  readFields(context, context.req.param(), schema);
