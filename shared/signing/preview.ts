// A preview: a signed permission to see one feature open for a while, whatever its state.
// `p1.<kid>.<expires>.<feature id>.<mac>`, the same text in the link and then in the cookie. A pure codec: the caller
// computes and checks the MAC over `signedPart`.
import { FeatureId } from "../ids.ts";

export type Preview = {
  readonly featureId: FeatureId;
  /** Unix seconds. */
  readonly expires: number;
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
export const previewText = (kid: string, { featureId, expires }: Preview): string =>
  `p1.${kid}.${expires.toString(36)}.${escapeId(featureId)}`;

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
    /^(p1\.([A-Za-z0-9_-]{1,32})\.([0-9a-z]{1,10})\.([^.;,\s]{1,512}))\.([A-Za-z0-9_-]{43})$/.exec(token);
  if (match === null) return null;
  const [, signedPart = "", kid = "", expires = "", id = "", mac = ""] = match;
  const featureId = FeatureId.safeParse(unescapeId(id));
  if (!featureId.success) return null;
  return { featureId: featureId.data, expires: Number.parseInt(expires, 36), kid, mac, signedPart };
};
