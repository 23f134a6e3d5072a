// The OpenID Connect provider that people sign in at. Its addresses and keys are its own to tell (discovery). Where it cannot be
// reached the origin runs all the same, and asks again; the sign-in page says what is wrong.
import * as oidc from "openid-client";
import { errorText } from "../runtime/error-text.ts";
import type { Logger } from "../runtime/log.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import type { RoleRule } from "./role-of-claims.ts";

export type ProviderSettings = {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
  /** Claims in which roles are looked up. */
  readonly roleClaims: readonly string[];
  readonly roles: readonly RoleRule[];
};

export type Provider = ReturnType<typeof startProvider>;

const TIMEOUT_S = 10;
/** A provider changes its addresses rarely; its keys are fetched again by openid-client when an unknown one signs. */
const BELIEVED_MS = 3_600_000;

const discover = async ({
  issuer,
  clientId,
  clientSecret,
}: ProviderSettings): Promise<oidc.Configuration> => {
  // config.ts lets plain http in for this machine only.
  const insecure = issuer.startsWith("http:") ? [oidc.allowInsecureRequests] : [];
  const found = await oidc.discovery(new URL(issuer), clientId, undefined, oidc.None(), {
    execute: insecure,
    timeout: TIMEOUT_S,
  });
  const metadata = found.serverMetadata();
  const methods = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  const authentication = methods.includes("client_secret_basic")
    ? oidc.ClientSecretBasic(clientSecret)
    : oidc.ClientSecretPost(clientSecret);
  const configuration = new oidc.Configuration(metadata, clientId, undefined, authentication);
  configuration.timeout = TIMEOUT_S;
  for (const allow of insecure) allow(configuration);
  // The ID token's signature is checked, although it came from the provider itself.
  oidc.enableNonRepudiationChecks(configuration);
  return configuration;
};

/** `nowMs`: a monotonic clock. */
export const startProvider = (options: {
  settings: ProviderSettings;
  retryEveryMs?: number;
  nowMs: () => number;
  log: Pick<Logger, "info" | "warn">;
}) => {
  const { settings, retryEveryMs = 10_000, nowMs, log } = options;
  let known: { readonly configuration: oidc.Configuration; readonly atMs: number } | undefined;
  let trouble: string | undefined = "its addresses are being asked for";
  let logged: string | undefined;

  const learn = async (): Promise<void> => {
    if (known !== undefined && nowMs() - known.atMs < BELIEVED_MS) return;
    try {
      known = { configuration: await discover(settings), atMs: nowMs() };
      if (trouble !== undefined) log.info({ issuer: settings.issuer }, "people can sign in at the provider");
      trouble = undefined;
      logged = undefined;
    } catch (error) {
      trouble = errorText(error);
      if (logged !== trouble)
        log.warn(
          { issuer: settings.issuer, trouble },
          "the provider of OIDC_ISSUER cannot be used; it is asked again and again, and other ways of signing in work",
        );
      logged = trouble;
    }
  };
  const task = startPeriodicTask({
    firstAfterMs: 0,
    everyMs: retryEveryMs,
    run: learn,
    onError: (error) => log.warn({ err: error }, "the provider could not be asked"),
  });

  return {
    settings,
    /** What was learned last, also where asking again has failed; undefined: nothing yet. */
    configuration: (): oidc.Configuration | undefined => known?.configuration,
    /** Why nobody can sign in there now. */
    trouble: (): string | undefined => (known === undefined ? trouble : undefined),
    stop: task.stop,
  };
};
