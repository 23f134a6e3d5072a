// The identity of one request: what is known of its unit. It never changes; a cookie's identity serves all requests with
// that cookie while it is cached.
import type { StickyCohort } from "../../shared/features/assign.ts";
import { UnitId } from "../../shared/ids.ts";
import { toBase64Url } from "../bytes.ts";

export type Identity = {
  readonly unitId: UnitId;
  /** Sticky cohorts of the cookie. Decoded at each read: the maps of thousands of cached visitors would fill an isolate. */
  readonly sticky: ReadonlyMap<number, StickyCohort>;
  /** Day and key of the cookie's signature; null: no valid cookie was sent. */
  readonly signed: { readonly day: number; readonly kid: string } | null;
  /** Without consent an identity lives for one request: no cookie is set and no span is sent. */
  readonly isEphemeral: boolean;
  /** 0 (bot) … 1 (human); null: not known. */
  readonly captchaScore: number | null;
};

const GENERATED = /^anon-[A-Za-z0-9_-]{22}$/;

export const newIdentity = (): Identity => ({
  unitId: UnitId.parse(`anon-${toBase64Url(crypto.getRandomValues(new Uint8Array(16)))}`),
  sticky: new Map(),
  signed: null,
  isEphemeral: false,
  captchaScore: null,
});

/** Whether Sluice generated the unit id for a visitor, so that it is no user of the site. */
export const isGenerated = (unitId: UnitId): boolean => GENERATED.test(unitId);

/** Whether the request itself said who it is from, by a valid cookie or a sign-in. */
export const isKnown = ({ signed, unitId }: Identity): boolean => signed !== null || !isGenerated(unitId);
