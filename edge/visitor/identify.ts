// Who a request is from, of all that can be said about it: consent, sign-in, cookie.
import { UnitId } from "../../shared/ids.ts";
import type { Config } from "../config.ts";
import type { ReadClaims } from "./claims.ts";
import { cookieName, newIdentity, readCookie, type Identity, type makeCookies } from "./cookie.ts";

/** A request with what is read of it more than once. */
export type Sent = { readonly request: Request; readonly url: string; readonly cookies: string | null };

export const sentWith = (request: Request): Sent => ({
  request,
  url: request.url,
  cookies: request.headers.get("Cookie"),
});

export type Recognise = (sent: Sent) => Identity | Promise<Identity>;

type Dependencies = {
  readonly config: Pick<Config, "UNIT_FROM" | "CONSENT">;
  readonly cookies: ReturnType<typeof makeCookies>;
  readonly readClaims: ReadClaims;
};

/** Whether this visitor may be known from one request to the next. */
const makeHasConsent = (consent: Config["CONSENT"]): ((sent: Sent) => boolean) => {
  const isRefused = ({ request }: Sent): boolean => request.headers.get("Sluice-Consent") === "none";
  if (consent === "none") return () => false;
  if (consent === "assumed") return (sent) => !isRefused(sent);
  return (sent) => !isRefused(sent) && readCookie(sent.cookies, consent.cookie) === consent.value;
};

const asUnit = (text: unknown): UnitId | null => {
  const unit = UnitId.safeParse(typeof text === "number" ? String(text) : text);
  return unit.success ? unit.data : null;
};

const makeReadUser = (
  unitFrom: Config["UNIT_FROM"],
  readClaims: ReadClaims,
): ((request: Request) => UnitId | null | Promise<UnitId | null>) => {
  if (unitFrom === null) return () => null;
  const { kind, name } = unitFrom;
  if (kind === "header") return (request) => asUnit(request.headers.get(name));
  return async (request) => asUnit((await readClaims(request))?.[name]);
};

const ANONYMOUS = /^anon-[A-Za-z0-9_-]{22}$/;

/** Whether the unit is one that Sluice made up for a visitor, and no user of the site. */
export const isMadeUp = (unitId: UnitId): boolean => ANONYMOUS.test(unitId);

/**
 * The signed-in user as the unit. Cohorts of the visitor that this user was a moment ago stay, so that nothing changes
 * before their eyes, and so does what a captcha found; those of another user of the same browser do not.
 */
const signedIn = (identity: Identity, user: UnitId): Identity =>
  identity.unitId === user
    ? identity
    : {
        ...newIdentity(),
        unitId: user,
        ...(isMadeUp(identity.unitId)
          ? { sticky: identity.sticky, captchaScore: identity.captchaScore }
          : {}),
      };

/** Without consent a unit lives for the request only: no cookie is read or set, and nothing is reported. */
export const makeRecognise = ({ config, cookies, readClaims }: Dependencies): Recognise => {
  const hasConsent = makeHasConsent(config.CONSENT);
  const readUser = makeReadUser(config.UNIT_FROM, readClaims);

  const fromCookie = ({ url, cookies: header }: Sent): Identity | Promise<Identity> => {
    const value = readCookie(header, cookieName(url));
    if (value === null) return newIdentity();
    const recalled = cookies.recall(value);
    return recalled ?? cookies.believe(value).then((believed) => believed ?? newIdentity());
  };

  return (sent) => {
    if (!hasConsent(sent)) return { ...newIdentity(), isPassing: true };
    if (config.UNIT_FROM === null) return fromCookie(sent);
    return (async () => {
      const user = await readUser(sent.request);
      const identity = await fromCookie(sent);
      return user === null ? identity : signedIn(identity, user);
    })();
  };
};
