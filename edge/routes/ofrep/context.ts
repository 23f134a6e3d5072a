// The body of an OFREP request: whom the flags are evaluated for, and what the caller says about them.
import type { Device, EvaluationContext } from "../../../shared/features/compile-targeting.ts";
import { UnitId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { parseJson } from "../../parse-json.ts";

/** OpenFeature's error codes, as far as they occur here. */
export type Fault = {
  readonly errorCode: "PARSE_ERROR" | "INVALID_CONTEXT" | "TARGETING_KEY_MISSING";
  readonly errorDetails: string;
};

export type Context = {
  readonly targetingKey: UnitId | null;
  readonly attributes: Readonly<Record<string, unknown>>;
};

const MAX_BYTES = 64 * 1_024;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const fault = (errorCode: Fault["errorCode"], errorDetails: string) => err({ errorCode, errorDetails });

export const readContext = async (request: Request): Promise<Result<Context, Fault>> => {
  if (Number(request.headers.get("Content-Length") ?? 0) > MAX_BYTES)
    return fault("PARSE_ERROR", `a body has at most ${MAX_BYTES} bytes`);
  const text = await request.text();
  if (text.length > MAX_BYTES) return fault("PARSE_ERROR", `a body has at most ${MAX_BYTES} bytes`);
  const body = text === "" ? {} : parseJson(text);
  if (!isRecord(body)) return fault("PARSE_ERROR", "the body must be a JSON object");
  const { context = {} } = body;
  if (!isRecord(context)) return fault("INVALID_CONTEXT", "context must be an object");
  const { targetingKey = null } = context;
  if (targetingKey === null || targetingKey === "") return ok({ targetingKey: null, attributes: context });
  const unitId = UnitId.safeParse(targetingKey);
  return unitId.success
    ? ok({ targetingKey: unitId.data, attributes: context })
    : fault("INVALID_CONTEXT", "targetingKey must be 1 to 256 characters without control characters");
};

const DEVICES: ReadonlySet<unknown> = new Set<Device>(["mobile", "tablet", "desktop"]);
const isDevice = (value: unknown): value is Device => DEVICES.has(value);

const pathOfUrl = (url: string | null): string | null =>
  url !== null && URL.canParse(url) ? new URL(url).pathname : null;

/**
 * The request's own facts, and over them what the context says under the names that targeting uses (`country`, `path`,
 * `device`, `header:NAME`, `cookie:NAME`). Never claims: those are a verified token's only.
 */
export const overlay = (
  request: Request,
  facts: EvaluationContext,
  { attributes }: Context,
): EvaluationContext => {
  const given = (name: string): string | null => {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : null;
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : null;
  };
  const page = given("path") ?? pathOfUrl(request.headers.get("Referer")) ?? "/";
  return {
    country: () => given("country") ?? facts.country(),
    path: () => page,
    device: () => (isDevice(attributes["device"]) ? attributes["device"] : facts.device()),
    header: (name) => given(`header:${name}`) ?? facts.header(name),
    cookie: (name) => given(`cookie:${name}`) ?? facts.cookie(name),
    claim: facts.claim,
  };
};
