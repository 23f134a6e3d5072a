// Settings that several variables make together.
import { isLoopbackName } from "../../shared/plain-text.ts";
import type { Config } from "./variables.ts";

/** Whether others than programs of this machine reach the origin: at its own address, or by a proxy that people know it by. */
export const isReachable = ({
  ORIGIN_HOST,
  PUBLIC_URL,
}: {
  readonly ORIGIN_HOST: string;
  readonly PUBLIC_URL?: string | undefined;
}): boolean =>
  !isLoopbackName(ORIGIN_HOST) || (PUBLIC_URL !== undefined && !isLoopbackName(new URL(PUBLIC_URL).hostname));

/** The address that links begin with, without a slash at its end. */
export const publicUrlOf = (config: Pick<Config, "PUBLIC_URL" | "ORIGIN_PORT">): string =>
  config.PUBLIC_URL ?? `http://127.0.0.1:${config.ORIGIN_PORT}`;

/** Where acknowledged telemetry is kept outside the database; null: nowhere. */
export const spanLogOf = (config: Config) =>
  config.SPAN_LOG_URL === undefined
    ? null
    : {
        urls: config.SPAN_LOG_URL,
        prefix: config.SPAN_LOG_PREFIX,
        replicas: config.SPAN_LOG_REPLICAS,
        caFile: config.SPAN_LOG_CA_FILE ?? null,
        credentialsFile: config.SPAN_LOG_CREDENTIALS_FILE ?? null,
      };

/** The provider that people sign in at; null: none. */
export const providerOf = (config: Config) => {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret } = config;
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) return null;
  return {
    issuer,
    clientId,
    clientSecret,
    scope: config.OIDC_SCOPE,
    roleClaims: config.OIDC_ROLE_CLAIM,
    roles: config.OIDC_ROLES,
  };
};
