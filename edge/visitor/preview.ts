// Previews: whoever has a link that was signed for a feature sees it open, whatever its state. Nobody else does, and
// nothing of it is counted or held.
import { err, ok, type Result } from "../../shared/result.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import { MAX_PREVIEW_S, parsePreview, type Preview } from "../../shared/signing/preview.ts";
import { fromBase64Url } from "../bytes.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import { cookieValues, decodeOnce } from "./cookie-header.ts";

/** `off`: there are no PREVIEW_KEYS. */
export type PreviewError = { readonly reason: "malformed" | "expired" | "signature" | "off" };

export type Previews = {
  readonly verify: (token: string) => Promise<Result<Preview, PreviewError>>;
  /** What the request's cookie previews; null: nothing. No promise for the many who have no such cookie. */
  readonly read: (incoming: IncomingRequest) => Promise<Preview | null> | null;
};

const NAME = "sluice-preview";

/** As for the visitor's cookie: bound to the host where the browser allows it. */
const previewCookieName = (url: string): string => (url.startsWith("https:") ? `__Host-${NAME}` : NAME);

/** A Set-Cookie header; `token` null ends the preview. */
export const previewCookie = (url: string, token: string | null, maxAgeS: number): string =>
  `${previewCookieName(url)}=${token ?? ""}; Path=/; Max-Age=${token === null ? 0 : maxAgeS}; HttpOnly; SameSite=Lax${url.startsWith("https:") ? "; Secure" : ""}`;

export const makePreviews = (
  ring: KeyRing | null,
  verifyMac: (secret: string, text: string, mac: Uint8Array) => Promise<boolean>,
  now: () => number,
): Previews => {
  const verify: Previews["verify"] = async (token) => {
    if (ring === null) return err({ reason: "off" });
    const parsed = parsePreview(token);
    if (parsed === null) return err({ reason: "malformed" });
    const key = ring.find(({ kid }) => kid === parsed.kid);
    const mac = fromBase64Url(parsed.mac);
    if (key === undefined || !(await verifyMac(key.secret, parsed.signedPart, mac)))
      return err({ reason: "signature" });
    const leftS = parsed.expires - now() / 1_000;
    return leftS > 0 && leftS <= MAX_PREVIEW_S ? ok(parsed) : err({ reason: "expired" });
  };
  const readAny = async (tokens: readonly string[]): Promise<Preview | null> => {
    for (const token of tokens) {
      const preview = await verify(token);
      if (preview.ok) return preview.value;
      const decoded = decodeOnce(token);
      const previewDecoded = decoded === null ? null : await verify(decoded);
      if (previewDecoded?.ok === true) return previewDecoded.value;
    }
    return null;
  };

  return {
    verify,
    read: ({ url, cookies }) => {
      if (ring === null || cookies === null || !cookies.includes(NAME)) return null;
      const tokens = cookieValues(cookies, previewCookieName(url));
      return tokens.length === 0 ? null : readAny(tokens);
    },
  };
};
