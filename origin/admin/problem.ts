// Errors of the admin API as RFC 9457 problem details, naming each field that is wrong.
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { z } from "zod";

export type FieldError = {
  /** Dotted path of the field, `rule.activationThreshold`; "" for the document itself. */
  readonly field: string;
  /** The same as a JSON pointer (RFC 6901). */
  readonly pointer: string;
  readonly detail: string;
};

const at = (path: readonly PropertyKey[], detail: string): FieldError => ({
  field: path.map(String).join("."),
  pointer: path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
  detail,
});

/** One entry a wrong field; an unknown field is named itself, not the object that it stands in. */
export const fieldErrors = (error: z.ZodError, under?: string): FieldError[] => {
  const base = under === undefined ? [] : [under];
  return error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => at([...base, ...issue.path, key], "unknown field"))
      : [at([...base, ...issue.path], issue.message)],
  );
};

export type Problem = {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
} & Readonly<Record<string, unknown>>;

export const problem = (context: Context, { status, title, ...rest }: Problem): Response =>
  context.body(JSON.stringify({ type: "about:blank", status, title, ...rest }), status, {
    "content-type": "application/problem+json",
  });

/** 400 with every wrong field named; `under` is the field that the checked value itself stands in. */
export const badFields = (context: Context, error: z.ZodError, under?: string): Response => {
  const errors = fieldErrors(error, under);
  return problem(context, {
    status: 400,
    title: "Bad Request",
    detail: errors.map(({ field, detail }) => (field === "" ? detail : `${field}: ${detail}`)).join("; "),
    errors,
  });
};
