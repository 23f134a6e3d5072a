// Who the provider says it is. The audit will name this text for ever, so it must be one that can be nothing else.
import { err, ok, type Result } from "../../shared/result.ts";
import { claimAt, type Claims } from "./role-of-claims.ts";

export type Person = {
  /** As the audit names the person. */
  readonly actor: string;
  /** The provider's name for the person, which never changes. */
  readonly subject: string;
  /** The provider's name for the sign-in, if it has one. */
  readonly providerSession: string | null;
};

/** One line of letters, digits and signs: no spaces, no control or format characters, no half of a surrogate pair. */
const ADDRESS = /^[^\s\p{C}@<>"]{1,64}@[^\s\p{C}@<>"]{1,190}$/u;
/** OpenID Connect Core 1.0, section 2: at most 255 ASCII characters. */
const SUBJECT = /^[\x20-\x7e]{1,255}$/;

export const personOf = (claims: Claims): Result<Person, string> => {
  const subject = claims["sub"];
  if (typeof subject !== "string" || !SUBJECT.test(subject))
    return err("the provider's claim sub is not a name of 1 to 255 ASCII characters");
  const session = claimAt(claims, "sid");
  const providerSession = typeof session === "string" && SUBJECT.test(session) ? session : null;
  const email = claims["email"];
  // Without an address, or with one that is known not to be the person's, the provider's own name for the person stands.
  if (email === undefined || email === null || claims["email_verified"] === false)
    return ok({ actor: `user:${subject}`, subject, providerSession });
  if (typeof email !== "string" || !ADDRESS.test(email))
    return err("the provider's claim email is not an e-mail address");
  return ok({ actor: `user:${email.toLowerCase()}`, subject, providerSession });
};
