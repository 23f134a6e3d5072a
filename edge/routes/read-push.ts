// `POST /.sluice/push`: the origin tells the edge what changed. Signed, so that nobody else can open or close anything.
import { PushMessage } from "../../shared/snapshot/push-message.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import type { Push } from "../../shared/snapshot/versioned-snapshot.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { parseSignature, SIGNATURE_TOLERANCE_S, signedText } from "../../shared/signing/push-signature.ts";
import { parseJson } from "../parse-json.ts";

export type PushRefusal =
  | { readonly reason: "signature"; readonly detail: string }
  | { readonly reason: "tooLarge"; readonly maxBytes: number }
  | { readonly reason: "malformed"; readonly detail: string };

/** 1,000 features with room for long targeting. */
const MAX_BYTES = 4 * 1024 * 1024;

type Verify = (secret: string, text: string, mac: Uint8Array) => Promise<boolean>;

/** The body's text; null when it is longer than allowed, whatever Content-Length says. */
const readLimited = async (request: Request): Promise<string | null> => {
  if (Number(request.headers.get("Content-Length") ?? 0) > MAX_BYTES) return null;
  if (request.body === null) return "";
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for await (const chunk of request.body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

const refuse = (detail: string) => err({ reason: "signature", detail } as const);

/** The message of a push that is signed, timely and well formed. */
export const readPush = async (
  request: Request,
  ring: KeyRing,
  nowMs: number,
  verify: Verify,
): Promise<Result<Push, PushRefusal>> => {
  const signature = parseSignature(request.headers.get("Sluice-Signature") ?? "");
  if (signature === null) return refuse("Sluice-Signature is missing or malformed");
  const key = ring.find(({ kid }) => kid === signature.kid);
  if (key === undefined) return refuse("unknown kid");
  if (Math.abs(nowMs / 1_000 - signature.timestamp) > SIGNATURE_TOLERANCE_S)
    return refuse(`timestamp is more than ${SIGNATURE_TOLERANCE_S} s off`);
  const body = await readLimited(request);
  if (body === null) return err({ reason: "tooLarge", maxBytes: MAX_BYTES });
  if (!(await verify(key.secret, signedText(signature.timestamp, body), fromHex(signature.mac))))
    return refuse("the signature does not match");
  const parsed = PushMessage.safeParse(parseJson(body));
  if (parsed.success) return ok({ ...parsed.data, features: parsed.data.features.map(encodeFeature) });
  const detail = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  return err({ reason: "malformed", detail });
};
