// Asks a running origin over its admin API. The commands that operate features use nothing else.
import { z } from "zod";
import { UsageError } from "./errors.ts";

export const originArgument = {
  type: "string",
  description: "the origin; else SLUICE_URL, else http://127.0.0.1:8080",
} as const;

const Problem = z.looseObject({ title: z.string(), detail: z.string().optional() });

const refusalText = async (response: Response): Promise<string> => {
  const text = await response.text();
  try {
    const { title, detail } = Problem.parse(JSON.parse(text));
    return detail === undefined ? title : `${title}: ${detail}`;
  } catch {
    return text;
  }
};

/** The variable that is set, or undefined. */
const variable = (name: string): string | undefined => process.env[name] || undefined;

const originOf = (given: string | undefined): URL => {
  const text = given ?? variable("SLUICE_URL") ?? "http://127.0.0.1:8080";
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new UsageError(given === undefined ? "SLUICE_URL must be a URL" : "--origin must be a URL");
};

const TOKENS = ["SLUICE_TOKEN", "ADMIN_TOKEN"] as const;

export type OriginRequest = {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Below /admin/v1. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Throws, with what to do, when the origin is away, refuses the token or answers with a problem. */
export const askOrigin = async (
  given: string | undefined,
  { method = "GET", path, body, headers = {} }: OriginRequest,
): Promise<Response> => {
  const origin = originOf(given);
  const name = TOKENS.find((one) => variable(one) !== undefined);
  const token = name === undefined ? undefined : variable(name);
  let response: Response;
  try {
    response = await fetch(new URL(`/admin/v1${path}`, origin), {
      method,
      headers: { accept: "application/json", ...headers, authorization: `Bearer ${token ?? ""}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    const what = `no origin answers at ${origin.origin}. Start it, or name another with --origin or SLUICE_URL`;
    throw new Error(what, { cause: error });
  }
  if (response.ok) return response;
  if (response.status === 401)
    throw new UsageError(
      name === undefined
        ? "set SLUICE_TOKEN to an API token, or ADMIN_TOKEN to the admin token; npm start shows that one"
        : `the origin at ${origin.origin} does not know the token in ${name}`,
    );
  throw new Error(
    `the origin at ${origin.origin} answers ${response.status}: ${await refusalText(response)}`,
  );
};

/** The same, with the answer through a schema. */
export const askFor = async <T>(
  given: string | undefined,
  request: OriginRequest,
  schema: z.ZodType<T>,
): Promise<T> => schema.parse(await (await askOrigin(given, request)).json());

export const featurePath = (featureId: string, rest = ""): string =>
  `/features/${encodeURIComponent(featureId)}${rest}`;
