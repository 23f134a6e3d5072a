// Reads the message of a push. It is signed, so that nobody but the origin can open or close anything.
import { isObject } from "../../shared/features/base-fields.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Key, KeyRing } from "../../shared/signing/key-ring.ts";
import {
  parseSignature,
  senderText,
  SIGNATURE_TOLERANCE_S,
  signedText,
} from "../../shared/signing/push-signature.ts";
import { PushMessage } from "../../shared/snapshot/push-message.ts";
import type { Push } from "../../shared/snapshot/versioned-snapshot.ts";
import { fromHex } from "../bytes.ts";
import { parseJson } from "../parse-json.ts";
import { readBody, type BodyError } from "./read-body.ts";
import type { ReadUnproven, UnprovenError } from "./unproven-bodies.ts";

export type ReadPushError =
  | BodyError
  | UnprovenError
  | { readonly reason: "signature" | "malformed"; readonly detail: string };

/** What is longer comes in parts. */
const MAX_BYTES = 4 * 1024 * 1024;

type Verify = (secret: string, text: string, mac: Uint8Array) => Promise<boolean>;

/** A push that may be applied, and what its answer is signed with; `nonce` is undefined for an older origin. */
export type ReceivedPush = { readonly message: Push; readonly key: Key; readonly nonce: string | undefined };

type Reader = {
  readonly ring: KeyRing;
  /** The host that pushes to this edge name. */
  readonly audience: string;
  readonly nowMs: number;
  readonly verify: Verify;
  /** Reads the body of a push whose sender has not shown yet that it holds the key. */
  readonly readUnproven: ReadUnproven;
};

const signatureError = (detail: string) => err({ reason: "signature", detail } as const);

/** The features that the origin closed, without those that are closed here because this edge does not understand them. */
const closedIn = ({ features }: PushMessage, json: unknown): FeatureId[] => {
  const pushed = isObject(json) && Array.isArray(json["features"]) ? json["features"] : [];
  return features
    .filter(({ enabled }, at) => !enabled && isObject(pushed[at]) && pushed[at]["enabled"] === false)
    .map(({ featureId }) => featureId);
};

/** The message of a push that is signed, timely, meant for this edge and valid. */
export const readPush = async (
  request: Request,
  { ring, audience, nowMs, verify, readUnproven }: Reader,
): Promise<Result<ReceivedPush, ReadPushError>> => {
  const signature = parseSignature(request.headers.get("Sluice-Signature") ?? "");
  if (signature === null) return signatureError("Sluice-Signature is missing or malformed");
  const key = ring.find(({ kid }) => kid === signature.kid);
  if (key === undefined) return signatureError("unknown kid");
  if (Math.abs(nowMs / 1_000 - signature.timestamp) > SIGNATURE_TOLERANCE_S)
    return signatureError(`timestamp is more than ${SIGNATURE_TOLERANCE_S} s off`);
  const sender = request.headers.get("Sluice-Sender");
  if (sender !== null && !(await verify(key.secret, senderText(signature), fromHex(sender))))
    return signatureError("Sluice-Sender does not match");
  const body = await (sender === null ? readUnproven : readBody)(request, MAX_BYTES);
  if (!body.ok) return body;
  if (!(await verify(key.secret, signedText(signature.timestamp, body.value), fromHex(signature.mac))))
    return signatureError("the signature does not match");
  const json = parseJson(body.value);
  const parsed = PushMessage.safeParse(json);
  if (parsed.success) {
    const { audience: meant = audience, nonce, ...message } = parsed.data;
    if (meant !== audience)
      return signatureError(
        `the push is for ${meant} and not for ${audience}; where a proxy changes the Host header, set PUSH_AUDIENCE to the host in EDGE_URLS`,
      );
    const features = message.features.map(encodeFeature);
    return ok({ message: { ...message, features, closed: closedIn(parsed.data, json) }, key, nonce });
  }
  const detail = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  return err({ reason: "malformed", detail });
};
