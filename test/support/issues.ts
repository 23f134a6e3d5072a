import type { z } from "zod";

/** What a schema finds wrong, as "path: message"; empty when it accepts the value. */
export const issuesOf = (schema: z.ZodType, value: unknown): string[] => {
  const parsed = schema.safeParse(value);
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
};
