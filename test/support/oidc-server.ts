// A real OpenID Connect provider with its own login and consent forms, for people with whatever claims a test gives them.
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { Provider } from "oidc-provider";
import { freePort } from "../../origin/db/free-port.ts";
import { errorText } from "../../origin/runtime/error-text.ts";

export const CLIENT = { clientId: "sluice", clientSecret: "the-secret-of-the-client" };

export type OidcServer = Awaited<ReturnType<typeof startOidcServer>>;

/** `publicUrl`: where the origin says that it is. `people`: claims by login, read at each sign-in. */
export const startOidcServer = async ({
  publicUrl,
  people,
  backChannelUri,
  port: givenPort,
}: {
  publicUrl: string;
  people: Map<string, Record<string, unknown>>;
  backChannelUri?: string;
  port?: number;
}) => {
  const port = givenPort ?? (await freePort());
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        redirect_uris: [`${publicUrl}/auth/callback`],
        post_logout_redirect_uris: [`${publicUrl}/auth/sign-in`],
        grant_types: ["authorization_code"],
        response_types: ["code"],
        ...(backChannelUri === undefined
          ? {}
          : { backchannel_logout_uri: backChannelUri, backchannel_logout_session_required: true }),
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["roles", "groups"] },
    // As most providers: what the scopes stand for is told by the ID token too.
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...people.get(id) }),
    }),
    features: {
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      backchannelLogout: { enabled: true },
    },
    // The provider's own dispatcher refuses addresses of this machine.
    fetch: (url: string | URL | Request, options: RequestInit = {}) => {
      Reflect.deleteProperty(options, "dispatcher");
      return fetch(url, options);
    },
    pkce: { required: () => true },
    cookies: { keys: ["a-key-of-the-tests"] },
  });
  provider.on("server_error", (_, error) => process.stderr.write(`oidc-provider: ${String(error)}\n`));
  provider.on("backchannel.error", (_, error) =>
    process.stderr.write(`oidc-provider: back-channel logout: ${errorText(error)}\n`),
  );
  const answer = provider.callback();
  const server: Server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    issuer,
    port,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
