// Environment variables, parsed once when a process starts. An error names the variable and what it may be, and never
// repeats the value: it may be a secret.
import { z } from "zod";
import { err, ok, type Result } from "./result.ts";

export type VariableError = { readonly variable: string; readonly reason: string };

/** A whole number, or `fallback` when the variable is not set. */
export const whole = (min: number, max: number, fallback: number) => {
  const form = `must be a whole number from ${min} to ${max}`;
  return z.coerce
    .string()
    .regex(/^\d+$/, form)
    .transform(Number)
    .refine((value) => value >= min && value <= max, form)
    .default(fallback);
};

/** `variables` may hold more than the schema reads. */
export const parseVariables = <T>(schema: z.ZodType<T>, variables: object): Result<T, VariableError[]> => {
  const parsed = schema.safeParse(variables);
  if (parsed.success) return ok(parsed.data);
  return err(
    parsed.error.issues.map(({ path, message }) => ({ variable: String(path[0]), reason: message })),
  );
};

/** Without the variables that are empty: in a process's environment they count as unset. */
export const withoutEmpty = (
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined || value === "" ? [] : [[name, value]],
    ),
  );

export const variableErrorText = ({ variable, reason }: VariableError): string => `${variable} ${reason}`;
