// A document with wrong fields as a problem that names each of them.
import type { Context } from "hono";
import type { z } from "zod";
import type { FieldError } from "../features/change-error.ts";
import { problem } from "../runtime/problem.ts";
import type { TextError } from "./storable-text.ts";

type Place = {
  /** Dotted path of the field, `rule.activationThreshold`; "" for the document itself. */
  readonly field: string;
  /** The same as a JSON pointer (RFC 6901). */
  readonly pointer: string;
};

const placeOf = (path: readonly PropertyKey[]): Place => ({
  field: path.map(String).join("."),
  pointer: path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
});

type PlacedError = Place & { readonly detail: string };

const badRequest = (context: Context, errors: readonly PlacedError[]): Response =>
  problem(context, {
    status: 400,
    title: "Bad Request",
    detail: errors.map(({ field, detail }) => (field === "" ? detail : `${field}: ${detail}`)).join("; "),
    errors,
  });

/** 400 for fields that a schema refuses; `under` is the field that the checked value itself stands in. */
export const schemaProblem = (context: Context, error: z.ZodError, under?: string): Response => {
  const base = under === undefined ? [] : [under];
  const errors = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? // An unknown field is named itself, not the object that it stands in.
        issue.keys.map((key) => ({ ...placeOf([...base, ...issue.path, key]), detail: "unknown field" }))
      : [{ ...placeOf([...base, ...issue.path]), detail: issue.message }],
  );
  return badRequest(context, errors);
};

/** 400 for texts that cannot be stored. */
export const textProblem = (context: Context, errors: readonly TextError[]): Response =>
  badRequest(
    context,
    errors.map(({ path, message }) => ({ ...placeOf(path), detail: message })),
  );

/** 400 for fields that are well formed and do not fit what is stored. */
export const fieldsProblem = (context: Context, errors: readonly FieldError[]): Response =>
  badRequest(
    context,
    errors.map(({ field, reason }) => ({ ...placeOf(field.split(".")), detail: reason })),
  );
