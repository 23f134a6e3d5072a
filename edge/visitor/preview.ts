// Previews: who holds a link that was signed for a feature sees it open, although it is closed, not for them or not yet
// reached by the rollout. Nobody else does, nothing of it is counted, and no cohort becomes sticky by it.
import type { FeatureId } from "../../shared/ids.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import { MAX_PREVIEW_S, parsePreview, type Preview } from "../../shared/signing/preview.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { CompiledFeature, CompiledSnapshot } from "../features/compile.ts";
import type { GateOutcome } from "../features/evaluate.ts";
import { fromBase64Url, readCookie } from "./cookie.ts";
import type { Sent } from "./identify.ts";

export type PreviewFault = "malformed" | "expired" | "signature";

export type Previews = {
  readonly verify: (token: string) => Promise<Result<Preview, PreviewFault>>;
  /** The feature that the request's cookie lets it see; null: none. Not asynchronous for the many who have no such cookie. */
  readonly read: (sent: Sent) => Promise<FeatureId | null> | null;
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
    if (parsed === null) return err("malformed");
    const key = ring.find(({ kid }) => kid === parsed.kid);
    const mac = fromBase64Url(parsed.mac);
    if (key === undefined || !(await verifyMac(key.secret, parsed.signedPart, mac))) return err("signature");
    const leftS = parsed.expires - now() / 1_000;
    return leftS > 0 && leftS <= MAX_PREVIEW_S ? ok(parsed) : err("expired");
  };
  return {
    verify,
    read: ({ url, cookies }) => {
      if (cookies === null || !cookies.includes(NAME)) return null;
      const token = readCookie(cookies, previewCookieName(url));
      if (token === null) return null;
      return verify(token).then((preview) => (preview.ok ? preview.value.featureId : null));
    },
  };
};

/** The feature, if it is there and has to do with the request. */
export const previewOn = (
  { byId }: CompiledSnapshot,
  featureId: FeatureId | null,
  path: string,
  method: string,
): CompiledFeature | null => {
  const feature = featureId === null ? undefined : byId.get(featureId);
  return feature?.appliesTo(path, method) === true ? feature : null;
};

/** The outcome for a request that sees `feature` open. */
export const withPreview = (outcome: GateOutcome, feature: CompiledFeature): GateOutcome => {
  const compared = outcome.compared.filter((assigned) => assigned.feature !== feature);
  const told = compared.map((assigned) => `${assigned.feature.featureId}=${assigned.cohort}`);
  const newSticky = new Map([...outcome.newSticky].filter(([key]) => key !== feature.stickyKey));
  return { ...outcome, compared, newSticky, header: [...told, `${feature.featureId}=treatment`].join(", ") };
};

/** Says so, and is kept by no cache: it is for one person, for a while. */
export const markPreview = (response: Response, { featureId }: CompiledFeature): Response => {
  if (response.status === 101) return response;
  const marked = new Response(response.body, response);
  marked.headers.set("Cache-Control", "private, no-store");
  marked.headers.set("Sluice-Preview", featureId);
  return marked;
};
