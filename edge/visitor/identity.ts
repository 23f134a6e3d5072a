// The identity of one request: whom it comes from, as a visitor and as a signed-in user. It never changes; a cookie's
// identity serves all requests with that cookie while it is cached.
import { UnitId } from "../../shared/ids.ts";
import { toBase64Url } from "../bytes.ts";

export type Identity = {
  /** The id in the visitor's cookie, whoever signs in; null: the request brings no cookie and makes no visitor. */
  readonly visitorId: UnitId | null;
  /** The signed-in user; null: nobody is signed in. */
  readonly userId: UnitId | null;
  /** Day and key of the cookie's signature; null: no valid cookie was sent. */
  readonly signed: { readonly day: number; readonly kid: string } | null;
  /** Without consent an identity lives for one request: no cookie is set and no span is sent. */
  readonly isEphemeral: boolean;
  /** 0 (bot) … 1 (human); null: not known. */
  readonly captchaScore: number | null;
};

/** Of a request that is nobody's. */
export const NOBODY: Identity = {
  visitorId: null,
  userId: null,
  signed: null,
  isEphemeral: false,
  captchaScore: null,
};

export const newIdentity = (): Identity => ({
  ...NOBODY,
  visitorId: UnitId.parse(`anon-${toBase64Url(crypto.getRandomValues(new Uint8Array(16)))}`),
});

/** Whether the request itself said who it is from, by a valid cookie or a sign-in. */
export const isKnown = ({ signed, userId }: Identity): boolean => signed !== null || userId !== null;

/** The identity without a visitor that the request did not bring: it makes none. */
export const withoutNewVisitor = (identity: Identity): Identity =>
  identity.signed === null ? { ...identity, visitorId: null } : identity;
