// Who a request is from: consent, sign-in and cookie decide.
import { UnitId } from "../../shared/ids.ts";
import type { Config } from "../config.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { ReadClaims } from "./claims.ts";
import { cookieName, type Cookies } from "./cookie.ts";
import { cookieValues } from "./cookie-header.ts";
import { newIdentity, type Identity } from "./identity.ts";

/** No promise for the many visitors whose cookie was verified lately. */
export type Identify = (incoming: IncomingRequest) => Identity | Promise<Identity>;

type Dependencies = {
  readonly config: Pick<Config, "UNIT_FROM" | "CONSENT">;
  readonly cookies: Cookies;
  readonly readClaims: ReadClaims;
  /** A user's id that cannot be one: the site has to know, and its visitors must not notice. */
  readonly warn: (text: string) => void;
};

export const makeIdentify = ({ config, cookies, readClaims, warn }: Dependencies): Identify => {
  const hasConsent = makeHasConsent(config.CONSENT);
  const readUser = makeReadUser(config.UNIT_FROM, readClaims, warn);

  const readVisitor = ({ url, cookies: header }: IncomingRequest): Identity | Promise<Identity> => {
    const values = cookieValues(header, cookieName(url));
    const [first] = values;
    if (first === undefined) return newIdentity();
    return (
      cookies.cached(first) ??
      cookies.verifyAny(values).then((verified): Identity => verified ?? newIdentity())
    );
  };

  const readSignedIn = async (incoming: IncomingRequest): Promise<Identity> => {
    const user = await readUser(incoming.request);
    const visitor = await readVisitor(incoming);
    return user === null ? visitor : signIn(visitor, user);
  };

  const signIn = makeSignIn();

  return (incoming) => {
    if (!hasConsent(incoming)) return { ...newIdentity(), isEphemeral: true };
    return config.UNIT_FROM === null ? readVisitor(incoming) : readSignedIn(incoming);
  };
};

/** Whether this visitor may be recognised from one request to the next. */
const makeHasConsent = (consent: Config["CONSENT"]): ((incoming: IncomingRequest) => boolean) => {
  const isRefused = ({ headers }: IncomingRequest): boolean => headers.get("Sluice-Consent") === "none";
  if (consent === "none") return () => false;
  if (consent === "assumed") return (incoming) => !isRefused(incoming);
  // Every cookie of the name has to say so: one that does not may be the newer word.
  return (incoming) => {
    const values = cookieValues(incoming.cookies, consent.cookie);
    return !isRefused(incoming) && values.length > 0 && values.every((value) => value === consent.value);
  };
};

const makeReadUser = (
  unitFrom: Config["UNIT_FROM"],
  readClaims: ReadClaims,
  warn: (text: string) => void,
): ((request: Request) => UnitId | null | Promise<UnitId | null>) => {
  if (unitFrom === null) return () => null;
  const { kind, name } = unitFrom;
  const asUnitId = (value: unknown): UnitId | null => {
    if (value === null || value === undefined) return null;
    const unitId = UnitId.safeParse(claimText(value));
    if (unitId.success) return unitId.data;
    warn(`${kind}:${name} is no unit (${unitId.error.issues[0]?.message ?? "unknown reason"})`);
    return null;
  };
  if (kind === "header") return (request) => asUnitId(request.headers.get(name));
  return async (request) => asUnitId((await readClaims(request))?.[name]);
};

/** A whole number beyond 2^53 has lost digits: as text it could be another user's. It is no unit then. */
const claimText = (value: unknown): unknown =>
  typeof value !== "number" || (Number.isInteger(value) && !Number.isSafeInteger(value))
    ? value
    : String(value);

/**
 * The visitor as the user who is signed in. A cookie's visitor with the same user is the same object again, so that all
 * that is remembered of an identity serves signed-in visitors too.
 */
const makeSignIn = (): ((visitor: Identity, userId: UnitId) => Identity) => {
  const last = new WeakMap<Identity, Identity>();
  return (visitor, userId) => {
    const known = last.get(visitor);
    if (known?.userId === userId) return known;
    const identity = { ...visitor, userId };
    last.set(visitor, identity);
    return identity;
  };
};
