// The body of an OFREP request: whom the flags are evaluated for, and the evaluation context that the client gives.
import type { Device, EvaluationContext } from "../../../shared/features/compile-targeting.ts";
import { UnitId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { parseJson } from "../../parse-json.ts";
import { readBody } from "../read-body.ts";

/** OFREP's form of an error, with OpenFeature's error codes as far as they occur here. */
export type OfrepError = {
  readonly errorCode: "PARSE_ERROR" | "INVALID_CONTEXT" | "TARGETING_KEY_MISSING" | "GENERAL";
  readonly errorDetails: string;
};

export type ClientContext = {
  readonly targetingKey: UnitId | null;
  readonly attributes: Readonly<Record<string, unknown>>;
};

const MAX_BYTES = 64 * 1_024;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const ofrepError = (errorCode: OfrepError["errorCode"], errorDetails: string) =>
  err({ errorCode, errorDetails });

export const readClientContext = async (request: Request): Promise<Result<ClientContext, OfrepError>> => {
  const text = await readBody(request, MAX_BYTES);
  if (!text.ok) return ofrepError("PARSE_ERROR", `a body has at most ${MAX_BYTES} bytes`);
  const body = text.value === "" ? {} : parseJson(text.value);
  if (!isRecord(body)) return ofrepError("PARSE_ERROR", "the body must be a JSON object");
  const { context = {} } = body;
  if (!isRecord(context)) return ofrepError("INVALID_CONTEXT", "context must be an object");
  const { targetingKey = null } = context;
  if (targetingKey === null || targetingKey === "") return ok({ targetingKey: null, attributes: context });
  const unitId = UnitId.safeParse(targetingKey);
  return unitId.success
    ? ok({ targetingKey: unitId.data, attributes: context })
    : ofrepError("INVALID_CONTEXT", "targetingKey must be 1 to 256 characters without control characters");
};

const DEVICES: ReadonlySet<unknown> = new Set<Device>(["mobile", "tablet", "desktop"]);
const isDevice = (value: unknown): value is Device => DEVICES.has(value);

const pathOfUrl = (url: string | null): string | null =>
  url !== null && URL.canParse(url) ? new URL(url).pathname : null;

/**
 * The request's own evaluation context, with the client's attributes before it. They have the names that targeting uses:
 * `country`, `path`, `device`, `header:NAME`, `cookie:NAME`. A browser says its path only: all else is as the gate sees
 * it. Claims are a verified token's only.
 */
export const withAttributes = (
  context: EvaluationContext,
  { attributes }: ClientContext,
  { referer, isServer }: { readonly referer: string | null; readonly isServer: boolean },
): EvaluationContext => {
  const given = (name: string): string | null => {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : null;
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : null;
  };
  const path = given("path") ?? pathOfUrl(referer) ?? "/";
  if (!isServer) return { ...context, path: () => path };
  return {
    country: () => given("country") ?? context.country(),
    path: () => path,
    device: () => (isDevice(attributes["device"]) ? attributes["device"] : context.device()),
    header: (name) => given(`header:${name}`) ?? context.header(name),
    cookie: (name) => given(`cookie:${name}`) ?? context.cookie(name),
    claim: context.claim,
  };
};
