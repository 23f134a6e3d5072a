// A preview: a signed permission to see one feature open for a while, whatever its state, until it is opened again.
// `p2.<kid>.<expires>.<epoch>.<feature id>.<mac>`, the same text in the link and then in the cookie. A pure codec: the caller
// computes and checks the MAC over `signedPart`.
import { FeatureId } from "../ids.ts";

export type Preview = {
  readonly featureId: FeatureId;
  /** Unix seconds. */
  readonly expires: number;
  /** The feature's: a person who opens it begins another one, and ends all links of before. */
  readonly epoch: number;
};

export type ParsedPreview = Preview & {
  readonly kid: string;
  /** base64url */
  readonly mac: string;
  /** The text under the MAC. */
  readonly signedPart: string;
};

/** A link opens the feature for everybody who has it, so none lives longer than a week. */
export const MAX_PREVIEW_S = 7 * 86_400;

const escapeId = (featureId: FeatureId): string => encodeURIComponent(featureId).replaceAll(".", "%2E");

/** No push (`<seconds>.<body>`) and no cookie (`v1.…`) begins like it, so that no signature fits two purposes. */
export const previewText = (kid: string, { featureId, expires, epoch }: Preview): string =>
  `p2.${kid}.${expires.toString(36)}.${epoch.toString(36)}.${escapeId(featureId)}`;

const unescapeId = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // refused as an empty id
  }
};

/** Splits a token; null unless it has the form. Nothing in it may be believed before the MAC is checked. */
export const parsePreview = (token: string): ParsedPreview | null => {
  const match =
    /^(p2\.([A-Za-z0-9_-]{1,32})\.([0-9a-z]{1,10})\.([0-9a-z]{1,10})\.([^.;,\s]{1,512}))\.([A-Za-z0-9_-]{43})$/.exec(
      token,
    );
  if (match === null) return null;
  const [, signedPart = "", kid = "", expires = "", epoch = "", id = "", mac = ""] = match;
  const featureId = FeatureId.safeParse(unescapeId(id));
  if (!featureId.success) return null;
  const preview = {
    featureId: featureId.data,
    expires: Number.parseInt(expires, 36),
    epoch: Number.parseInt(epoch, 36),
  };
  return { ...preview, kid, mac, signedPart };
};
