// Asks a running origin over its admin API. The commands that operate features use nothing else.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { credentialsFile, readCredential } from "./credentials.ts";
import { ProblemError, UsageError, WaitingError } from "./errors.ts";
import { connectionFailure, foreignAnswer, readProblem, waitText } from "./origin-failures.ts";

export const originArgument = {
  type: "string",
  valueHint: "URL",
  description: "the origin; else SLUICE_URL, else http://127.0.0.1:8080",
} as const;

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** The variable that is set, or undefined. */
const variable = (name: string): string | undefined => process.env[name] || undefined;

/** The origin's URL without a slash at its end. It may lie below a path, behind a proxy. */
export const originOf = (given: string | undefined): string => {
  const text = given ?? variable("SLUICE_URL") ?? "http://127.0.0.1:8080";
  const name = given === undefined ? "SLUICE_URL" : "--origin";
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new UsageError(`${name} must be a URL`);
  const { origin, pathname, username } = new URL(text);
  if (username !== "")
    throw new UsageError(`${name} must not hold a user or a password; SLUICE_TOKEN takes the token`);
  return `${origin}${pathname.replace(/\/+(?:admin\/v1\/*)?$/, "")}`;
};

const TOKENS = ["SLUICE_TOKEN", "ADMIN_TOKEN"] as const;

type Token = {
  /** Where it comes from, for messages. */
  readonly name: string;
  readonly token: string;
};

const StackSecrets = z.looseObject({ adminToken: z.string() });

/** The token of the `npm start` of this folder, for an origin on this machine. */
const stackToken = async (origin: string): Promise<Token | undefined> => {
  if (!LOOPBACK.has(new URL(origin).hostname)) return undefined;
  const file = join(variable("DATA_DIR") ?? ".data", "secrets.json");
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return undefined;
  return { name: file, token: StackSecrets.parse(JSON.parse(text)).adminToken };
};

/** The token of `sluice login` for this origin. */
const keptToken = async (origin: string): Promise<Token | undefined> => {
  const kept = await readCredential(origin);
  return kept === undefined ? undefined : { name: `${credentialsFile()} (sluice login)`, token: kept.token };
};

const findToken = async (origin: string, lends: boolean): Promise<Token | undefined> => {
  const name = TOKENS.find((one) => variable(one) !== undefined);
  const lent =
    lends && name === undefined ? ((await keptToken(origin)) ?? (await stackToken(origin))) : undefined;
  const found = name === undefined ? lent : { name, token: (variable(name) ?? "").trim() };
  // Anything else cannot be sent in a header.
  if (found !== undefined && !/^[\u0021-\u007e]+$/.test(found.token))
    throw new UsageError(`${found.name} holds characters that no token has, such as a space or a line break`);
  return found;
};

export type OriginRequest = {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** What the path is below; /admin/v1 without it. */
  readonly below?: "";
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** For the whole answer; null: it is a stream, and only its beginning has a limit. */
  readonly withinMs?: number | null;
  /** A token that somebody has given is needed: the one of this folder's stack is not lent. */
  readonly needsGivenToken?: true;
  /** Sent instead of any other one. */
  readonly token?: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
};

const WITHIN_MS = 60_000;
const FIRST_WORD_MS = 30_000;

const send = async (
  url: string,
  token: string,
  { method = "GET", body, headers = {}, withinMs = WITHIN_MS, signal }: OriginRequest,
): Promise<Response> => {
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new DOMException("no answer in time", "TimeoutError")),
    withinMs ?? FIRST_WORD_MS,
  );
  timer.unref();
  const response = await fetch(url, {
    method,
    headers: { accept: "application/json", ...headers, authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    // A redirect would lose the token, and make a GET of a POST.
    redirect: "manual",
    signal: signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, signal]),
  });
  if (withinMs === null) clearTimeout(timer);
  return response;
};

/** Throws, with what to do, when the origin is away, refuses the token or answers with a problem. */
export const askOrigin = async (given: string | undefined, request: OriginRequest): Promise<Response> => {
  const origin = originOf(given);
  const found =
    request.token === undefined
      ? await findToken(origin, request.needsGivenToken !== true)
      : { name: "the login", token: request.token };
  let response: Response;
  try {
    response = await send(
      `${origin}${request.below ?? "/admin/v1"}${request.path}`,
      found?.token ?? "",
      request,
    );
  } catch (error) {
    throw new Error(connectionFailure(origin, error), { cause: error });
  }
  const foreign = await foreignAnswer(origin, response);
  if (foreign !== null) throw new Error(foreign);
  if (response.ok) return response;
  if (response.status === 401)
    throw new UsageError(
      found === undefined
        ? "run sluice login, or set SLUICE_TOKEN to an API token, or ADMIN_TOKEN to the admin token, which is among the origin's variables or shown by sluice start"
        : `the origin at ${origin} does not know the token in ${found.name}; it may be expired or revoked`,
    );
  const { text, document } = await readProblem(response);
  const message = `the origin at ${origin} answers ${response.status}: ${text}${waitText(response)}`;
  throw new ProblemError(message, response.status, document);
};

const Waiting = z.looseObject({ approvalId: z.string() });

/** The same, with the answer through a schema. Throws too when the change waits for a second person. */
export const askFor = async <T>(
  given: string | undefined,
  request: OriginRequest,
  schema: z.ZodType<T>,
): Promise<T> => {
  const response = await askOrigin(given, request);
  const answer: unknown = await response.json();
  const waiting = response.status === 202 ? Waiting.safeParse(answer).data : undefined;
  if (waiting !== undefined) throw new WaitingError(waiting);
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(
    `the origin at ${originOf(given)} answers in a form that this version does not know (${issue?.path.join(".") ?? ""}: ` +
      `${issue?.message ?? ""}); use the CLI of the origin's version`,
  );
};

export const featurePath = (featureId: string, rest = ""): string =>
  `/features/${encodeURIComponent(featureId)}${rest}`;
