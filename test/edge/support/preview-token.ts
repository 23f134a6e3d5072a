// A signed preview token, as `sluice preview` makes it.
import { sign } from "../../../edge/hmac.ts";
import { toBase64Url } from "../../../edge/bytes.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { previewText } from "../../../shared/signing/preview.ts";
import { nowSeconds, PUSH_KEY } from "./edge.ts";

export const previewToken = async (
  featureId: string,
  { key = PUSH_KEY, expires = nowSeconds() + 600 } = {},
): Promise<string> => {
  const text = previewText(key.kid, { featureId: FeatureId.parse(featureId), expires });
  return `${text}.${toBase64Url(await sign(key.secret, text))}`;
};
