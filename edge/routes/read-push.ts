// Reads the message of a push. It is signed, so that nobody but the origin can open or close anything.
import { isObject } from "../../shared/features/base-fields.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import { parseSignature, SIGNATURE_TOLERANCE_S, signedText } from "../../shared/signing/push-signature.ts";
import { PushMessage } from "../../shared/snapshot/push-message.ts";
import type { Push } from "../../shared/snapshot/versioned-snapshot.ts";
import { fromHex } from "../bytes.ts";
import { parseJson } from "../parse-json.ts";
import { readBody, type BodyError } from "./read-body.ts";

export type ReadPushError =
  | BodyError
  | { readonly reason: "signature" | "malformed"; readonly detail: string };

/** What is longer comes in parts. */
const MAX_BYTES = 4 * 1024 * 1024;

type Verify = (secret: string, text: string, mac: Uint8Array) => Promise<boolean>;

const signatureError = (detail: string) => err({ reason: "signature", detail } as const);

/** The features that the origin closed, without those that are closed here because this edge does not understand them. */
const closedIn = ({ features }: PushMessage, json: unknown): FeatureId[] => {
  const pushed = isObject(json) && Array.isArray(json["features"]) ? json["features"] : [];
  return features
    .filter(({ enabled }, at) => !enabled && isObject(pushed[at]) && pushed[at]["enabled"] === false)
    .map(({ featureId }) => featureId);
};

/** The message of a push that is signed, timely and valid. */
export const readPush = async (
  request: Request,
  ring: KeyRing,
  nowMs: number,
  verify: Verify,
): Promise<Result<Push, ReadPushError>> => {
  const signature = parseSignature(request.headers.get("Sluice-Signature") ?? "");
  if (signature === null) return signatureError("Sluice-Signature is missing or malformed");
  const key = ring.find(({ kid }) => kid === signature.kid);
  if (key === undefined) return signatureError("unknown kid");
  if (Math.abs(nowMs / 1_000 - signature.timestamp) > SIGNATURE_TOLERANCE_S)
    return signatureError(`timestamp is more than ${SIGNATURE_TOLERANCE_S} s off`);
  const body = await readBody(request, MAX_BYTES);
  if (!body.ok) return body;
  if (!(await verify(key.secret, signedText(signature.timestamp, body.value), fromHex(signature.mac))))
    return signatureError("the signature does not match");
  const json = parseJson(body.value);
  const parsed = PushMessage.safeParse(json);
  if (parsed.success)
    return ok({
      ...parsed.data,
      features: parsed.data.features.map(encodeFeature),
      closed: closedIn(parsed.data, json),
    });
  const detail = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  return err({ reason: "malformed", detail });
};
