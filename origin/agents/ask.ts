// How tools ask: the admin API with the caller's own token, so scopes, tags, limits and the audit hold as for anybody else.
import { z } from "zod";
import { err, ok, type Result } from "../../shared/result.ts";

export type ApiRequest = {
  readonly method?: "GET" | "POST";
  /** Below /admin/v1. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Aborted when the caller takes its question back. */
  readonly signal?: AbortSignal;
};

/** Rejects with a text for a person when no answer comes. */
export type Ask = (request: ApiRequest) => Promise<Response>;

/** Why a tool has no answer, in words that the caller can act on. */
export type Refusal = string;

const Problem = z.looseObject({
  title: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), detail: z.string() })).optional(),
});

const refusalOf = async (response: Response): Promise<Refusal> => {
  const text = await response.text();
  try {
    const { title, detail, errors = [] } = Problem.parse(JSON.parse(text));
    const fields = errors.map((error) => `${error.field}: ${error.detail}`);
    const wait = response.headers.get("retry-after");
    const parts = [detail, ...fields, wait === null ? undefined : `try again in ${wait} s`];
    const said = parts.filter((part) => part !== undefined).join("; ");
    return `${response.status} ${title}${said === "" ? "" : `: ${said}`}`;
  } catch {
    return `${response.status}, and no answer of Sluice: ${text}`;
  }
};

/** The answer through a schema, which keeps what it names. */
export const askFor = async <T>(
  ask: Ask,
  request: ApiRequest,
  schema: z.ZodType<T>,
): Promise<Result<T, Refusal>> => {
  const response = await ask(request);
  return response.ok ? ok(schema.parse(await response.json())) : err(await refusalOf(response));
};

const Waiting = z.object({ approvalId: z.string() });

/** A change's answer: what it came to, or the id of the approval that it waits for. */
export const askToChange = async <T>(
  ask: Ask,
  request: ApiRequest,
  schema: z.ZodType<T>,
): Promise<Result<{ readonly changed: T } | { readonly approvalId: string }, Refusal>> => {
  const response = await ask(request);
  if (!response.ok) return err(await refusalOf(response));
  const json: unknown = await response.json();
  return response.status === 202 ? ok(Waiting.parse(json)) : ok({ changed: schema.parse(json) });
};

export const featurePath = (featureId: string, rest = ""): string =>
  `/features/${encodeURIComponent(featureId)}${rest}`;

/** Numbers and texts of a query; what is undefined is left out. */
export const queryOf = (fields: Readonly<Record<string, string | number | undefined>>): string => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? "" : `?${query.toString()}`;
};
