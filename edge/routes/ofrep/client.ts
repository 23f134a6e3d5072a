// Whom an OFREP request is evaluated for.
import type { FeatureEvaluation } from "../../../shared/features/evaluate-feature.ts";
import type { CompiledFeature } from "../../features/compiled-feature.ts";
import { BUCKETS } from "../../../shared/features/assign.ts";
import { NOBODY, type Identity } from "../../visitor/identity.ts";
import type { PageOrigin } from "../page-origin.ts";
import type { ClientContext, OfrepError } from "./context.ts";

/**
 * `newVisitor`: the browser becomes this visitor by the answer. `isBrowser`: the evaluation is an exposure. A server
 * reports exposures itself: it may ask ahead, and for many. `isServer`: it holds a server key.
 */
export type Client = {
  readonly identity: Identity;
  readonly newVisitor: Identity["visitorId"];
  readonly isBrowser: boolean;
  readonly isServer: boolean;
};

export type Asking = {
  readonly headers: Headers;
  readonly page: PageOrigin;
  readonly isServer: boolean;
  /** Whether the request may make a new visitor. */
  readonly mayBeNew: () => boolean;
};

/** Browsers send one of these headers with every POST; servers do not. */
const isFromBrowser = (headers: Headers): boolean => headers.has("Origin") || headers.has("Sec-Fetch-Site");

/** A browser neither sends nor keeps the cookie with a request of another site. */
const isCrossSite = (headers: Headers): boolean => headers.get("Sec-Fetch-Site") === "cross-site";

/**
 * A visitor's cookie wins over the targeting key, and a sign-in too, so that the page's scripts see what the gate does to
 * the page. Only a server key makes another's key count: it names a visitor or a user, whichever is a feature's unit, and
 * whoever names one reports exposures itself. A browser without cookie becomes a new visitor. On a page of another origin
 * it is nobody until the cookie comes back: it does not, where the page calls without credentials.
 */
export const identifyClient = (
  { headers, page, isServer, mayBeNew }: Asking,
  identity: Identity,
  { targetingKey }: ClientContext,
): Client => {
  const { signed, isEphemeral, visitorId, userId } = identity;
  const isBrowser = isFromBrowser(headers) && !isServer;
  const known = { newVisitor: null, isBrowser: isBrowser && !isEphemeral, isServer };
  if (signed !== null) return { identity, ...known };
  if (targetingKey !== null && isServer) {
    const named = { ...NOBODY, visitorId: targetingKey, userId: userId ?? targetingKey };
    return { identity: named, newVisitor: null, isBrowser: false, isServer };
  }
  const nobody = { ...identity, visitorId: null };
  if (!isBrowser || isCrossSite(headers) || !mayBeNew()) return { identity: nobody, ...known };
  const newVisitor = isEphemeral ? null : visitorId;
  return { ...known, identity: page === "own" ? identity : nobody, newVisitor };
};

/** Why a feature cannot be evaluated for this client; null: it is. A key is asked for only where it decides something. */
export const missingKey = (
  { identity, isBrowser, isServer }: Client,
  { targetingKey }: ClientContext,
  { feature, reason }: FeatureEvaluation<CompiledFeature>,
): OfrepError | null => {
  const isNobody = identity.visitorId === null && identity.userId === null;
  const isDecidedByKey =
    feature.rolloutBps > 0 && (feature.rolloutBps < BUCKETS || feature.state.unit === "user");
  if (isBrowser || !isNobody || reason !== "noUnit" || !isDecidedByKey) return null;
  return targetingKey === null || isServer
    ? { errorCode: "TARGETING_KEY_MISSING", errorDetails: "no cookie and no targetingKey" }
    : { errorCode: "GENERAL", errorDetails: "a targetingKey counts with one of SERVER_KEYS only" };
};
