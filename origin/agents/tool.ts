// A tool: what an agent may ask or do. It is declared once and served by the origin's /mcp and by `sluice mcp`.
import { z } from "zod";
import type { Result } from "../../shared/result.ts";
import type { Ask, Refusal } from "./ask.ts";

export type ToolScope = "viewer" | "editor" | "admin";

export type ToolAnswer<T> = {
  /** A sentence of numbers, ids and words of our own: texts that others have written stand in `data`. */
  readonly text: string;
  readonly data: T;
};

export type Tool = {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The least scope of the tokens that see it. */
  readonly scope: ToolScope;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly outputSchema: Readonly<Record<string, unknown>>;
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly destructiveHint?: boolean;
    readonly idempotentHint?: boolean;
    readonly openWorldHint: false;
  };
  /** `input` as the caller sent it: it is read through the tool's schema. */
  readonly run: (ask: Ask, input: unknown) => Promise<Result<ToolAnswer<object>, Refusal>>;
};

type Declaration<Input extends z.ZodObject, Output extends z.ZodObject> = {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly scope: ToolScope;
  readonly input: Input;
  readonly output: Output;
  readonly answer: (
    ask: Ask,
    input: z.output<Input>,
  ) => Promise<Result<ToolAnswer<z.output<Output>>, Refusal>>;
};

/** As MCP wants it: an object, and no word of the dialect. */
const schemaOf = (schema: z.ZodType, io: "input" | "output"): Record<string, unknown> => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return json;
};

const wrongInput = (error: z.ZodError): Refusal =>
  error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`))
    .join("; ");

const declare = <Input extends z.ZodObject, Output extends z.ZodObject>(
  { input, output, answer, ...described }: Declaration<Input, Output>,
  annotations: Omit<Tool["annotations"], "openWorldHint">,
): Tool => ({
  ...described,
  inputSchema: schemaOf(input, "input"),
  outputSchema: schemaOf(output, "output"),
  annotations: { ...annotations, openWorldHint: false },
  run: async (ask, given) => {
    const parsed = input.safeParse(given);
    return parsed.success ? answer(ask, parsed.data) : { ok: false, error: wrongInput(parsed.error) };
  },
});

/** A tool that changes nothing. */
export const readingTool = <Input extends z.ZodObject, Output extends z.ZodObject>(
  declaration: Omit<Declaration<Input, Output>, "scope">,
): Tool => declare({ ...declaration, scope: "viewer" }, { readOnlyHint: true });

/** A tool that changes what visitors get. `idempotent`: to call it twice comes to the same as once. */
export const changingTool = <Input extends z.ZodObject, Output extends z.ZodObject>(
  declaration: Omit<Declaration<Input, Output>, "scope">,
  { idempotent }: { readonly idempotent: boolean },
): Tool =>
  declare(
    { ...declaration, scope: "editor" },
    { readOnlyHint: false, destructiveHint: true, idempotentHint: idempotent },
  );
