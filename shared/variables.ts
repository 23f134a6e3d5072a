// Environment variables, parsed once when a process starts. An error names the variable and what it may be, and never
// repeats the value: it may be a secret.
import * as z from "zod";
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

/** https://fetch.spec.whatwg.org/#port-blocking */
const BLOCKED_PORTS: ReadonlySet<string> = new Set(
  `1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79
   87 95 101 102 103 104 109 110 111 113 115 117 119 123 135 137 139 143 161 179
   389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989
   990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679
   6697 10080`.split(/\s+/),
);

/** A port to listen on: one that browsers and `fetch` also connect to. */
export const listeningPort = (fallback: number) =>
  whole(1, 65_535, fallback).refine(
    (port) => !BLOCKED_PORTS.has(String(port)),
    "must be a port that browsers and fetch connect to; they refuse 10080, 6000, 5060 and others",
  );

/** Files for systemd and containers have no comments behind a value; a shell and `--variables` take them away. */
const commentHint = (value: unknown): string =>
  typeof value === "string" && /\s#/.test(value)
    ? " (what follows # counts as its value: give a comment a line of its own)"
    : "";

/** `variables` may hold more than the schema reads. */
export const parseVariables = <T>(schema: z.ZodType<T>, variables: object): Result<T, VariableError[]> => {
  const given = new Map<string, unknown>(Object.entries(variables));
  const parsed = schema.safeParse(variables);
  if (parsed.success) return ok(parsed.data);
  return err(
    parsed.error.issues.map(({ path, message }) => {
      const variable = String(path[0]);
      return { variable, reason: `${message}${commentHint(given.get(variable))}` };
    }),
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
