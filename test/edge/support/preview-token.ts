// A signed preview token, as `sluice preview` makes it.
import { sign } from "../../../edge/hmac.ts";
import { toBase64Url } from "../../../edge/bytes.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { previewText } from "../../../shared/signing/preview.ts";
import { nowSeconds } from "./edge.ts";

export const PREVIEW_KEY = { kid: "new", secret: "preview-secret-of-the-tests-0123456789abcdefghijklmnop" };
export const OLD_PREVIEW_KEY = {
  kid: "old",
  secret: "older-preview-secret-of-tests-0123456789abcdefghijklmnop",
};

export const previewToken = async (
  featureId: string,
  { key = PREVIEW_KEY, expires = nowSeconds() + 600, epoch = 1 } = {},
): Promise<string> => {
  const text = previewText(key.kid, { featureId: FeatureId.parse(featureId), expires, epoch });
  return `${text}.${toBase64Url(await sign(key.secret, text))}`;
};
