// What signing in at a provider adds to the pages. A module of its own, because it brings openid-client: an origin without
// a provider never loads it (origin/main.ts).
import type { Hono } from "hono";
import { addBackChannelLogout } from "./back-channel-logout.ts";
import { addOidcSignIn, signOutUrl } from "./oidc-sign-in.ts";
import type { Provider } from "./provider.ts";
import type { SignInContext } from "./sign-in-context.ts";

export type ProviderPages = {
  readonly issuer: string;
  /** Why nobody can sign in there now. */
  readonly trouble: () => string | undefined;
  /** The provider's page for signing out; null: there is none for this session. */
  readonly signOutUrl: (
    session: { issuer: string | null; idToken?: string | null },
    publicUrl: string,
  ) => string | null;
  readonly addTo: (app: Hono, signInContext: SignInContext) => void;
};

export const makeProviderPages = (provider: Provider): ProviderPages => ({
  issuer: provider.settings.issuer,
  trouble: provider.trouble,
  signOutUrl: (session, publicUrl) => signOutUrl(provider, session, publicUrl),
  addTo: (app, signInContext) => {
    addOidcSignIn(app, signInContext, provider);
    addBackChannelLogout(app, signInContext, provider);
  },
});
