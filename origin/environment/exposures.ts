// Addresses that would be spoken with in plain text or unverified.
import { postgresExposure, urlExposure, type Exposure } from "../../shared/plain-text.ts";
import type { VariableError } from "../../shared/variables.ts";
import type { Config } from "./variables.ts";

const VERIFIED = {
  postgres:
    "let its URL end with ?sslmode=verify-full (and &sslrootcert=/path/to/ca.pem where the certificate is of an authority of your own)",
  redis:
    "write rediss:// (and ?sslrootcert=/path/to/ca.pem where the certificate is of an authority of your own)",
  edge: "write https://",
  spanLog: "write tls://, or name the authority in SPAN_LOG_CA_FILE",
};

const WORDS = {
  plain: "in plain text, which everybody on the way can read and change",
  unverified: "without verifying who answers there",
};

/** Those without leave: a line for each variable. */
export const exposures = (config: Config, environment: Readonly<Record<string, string>>): VariableError[] => {
  const allowed = new Set(config.ALLOW_PLAINTEXT_TO.map((host) => host.toLowerCase()));
  const told = (variable: string, found: readonly (Exposure | null)[], verified: string): VariableError[] =>
    (["plain", "unverified"] as const).flatMap((kind) => {
      const names = found.flatMap((one) => (one?.how === kind && !allowed.has(one.host) ? [one.host] : []));
      const hosts = [...new Set(names)].join(",");
      const reason =
        `leads to ${hosts} ${WORDS[kind]}: ${verified}. Where the network between is yours alone, ` +
        `allow it by ALLOW_PLAINTEXT_TO=${hosts}`;
      return hosts === "" ? [] : [{ variable, reason }];
    });
  const defaults = { host: environment["PGHOST"], sslmode: environment["PGSSLMODE"] };
  const databases = (["DATABASE_URL", "DATABASE_REPLICA_URL"] as const).flatMap((variable) => {
    const given = config[variable];
    const found = given === undefined ? null : postgresExposure(new URL(given), defaults);
    return told(variable, [found], VERIFIED.postgres);
  });
  const aggregates = config.AGGREGATE_DATABASE_URLS.map((one) =>
    postgresExposure(new URL(one.url), defaults),
  );
  const found = (urls: readonly string[] = []) => urls.map((given) => urlExposure(new URL(given)));
  return [
    ...databases,
    ...told("AGGREGATE_DATABASE_URLS", aggregates, VERIFIED.postgres),
    ...told("REDIS_URL", found(config.REDIS_URL), VERIFIED.redis),
    ...(config.SPAN_LOG_CA_FILE === undefined
      ? told("SPAN_LOG_URL", found(config.SPAN_LOG_URL), VERIFIED.spanLog)
      : []),
    ...told("EDGE_URLS", found(config.EDGE_URLS), VERIFIED.edge),
    ...told("CLICKHOUSE_URL", found([config.CLICKHOUSE_URL ?? []].flat()), VERIFIED.edge),
  ];
};
