// Previews: whoever has a link that was signed for a feature sees it open, whatever its state. Nobody else does, and
// nothing of it is counted or held.
import type { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import { MAX_PREVIEW_S, parsePreview, type Preview } from "../../shared/signing/preview.ts";
import { fromBase64Url } from "../bytes.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import { cookieValues, decodeOnce } from "./cookie-header.ts";

export type PreviewError = { readonly reason: "malformed" | "expired" | "signature" };

export type Previews = {
  readonly verify: (token: string) => Promise<Result<Preview, PreviewError>>;
  /** The feature that the request's cookie previews; null: none. No promise for the many who have no such cookie. */
  readonly read: (incoming: IncomingRequest) => Promise<FeatureId | null> | null;
};

const NAME = "sluice-preview";

/** As for the visitor's cookie: bound to the host where the browser allows it. */
const previewCookieName = (url: string): string => (url.startsWith("https:") ? `__Host-${NAME}` : NAME);

/** A Set-Cookie header; `token` null ends the preview. */
export const previewCookie = (url: string, token: string | null, maxAgeS: number): string =>
  `${previewCookieName(url)}=${token ?? ""}; Path=/; Max-Age=${token === null ? 0 : maxAgeS}; HttpOnly; SameSite=Lax${url.startsWith("https:") ? "; Secure" : ""}`;

export const makePreviews = (
  ring: KeyRing,
  verifyMac: (secret: string, text: string, mac: Uint8Array) => Promise<boolean>,
  now: () => number,
): Previews => {
  const verify: Previews["verify"] = async (token) => {
    const parsed = parsePreview(token);
    if (parsed === null) return err({ reason: "malformed" });
    const key = ring.find(({ kid }) => kid === parsed.kid);
    const mac = fromBase64Url(parsed.mac);
    if (key === undefined || !(await verifyMac(key.secret, parsed.signedPart, mac)))
      return err({ reason: "signature" });
    const leftS = parsed.expires - now() / 1_000;
    return leftS > 0 && leftS <= MAX_PREVIEW_S ? ok(parsed) : err({ reason: "expired" });
  };
  const readAny = async (tokens: readonly string[]): Promise<FeatureId | null> => {
    for (const token of tokens) {
      const preview = await verify(token);
      if (preview.ok) return preview.value.featureId;
      const decoded = decodeOnce(token);
      const previewDecoded = decoded === null ? null : await verify(decoded);
      if (previewDecoded?.ok === true) return previewDecoded.value.featureId;
    }
    return null;
  };

  return {
    verify,
    read: ({ url, cookies }) => {
      if (cookies === null || !cookies.includes(NAME)) return null;
      const tokens = cookieValues(cookies, previewCookieName(url));
      return tokens.length === 0 ? null : readAny(tokens);
    },
  };
};
