// What `npm start` says when everything runs: where things are, the tokens, and what to do next.
import { isBuilt } from "../../origin/runtime/place.ts";
import { firstSecret, secretsFile } from "./secrets.ts";
import type { RunningStack } from "./stack-process.ts";

const LABEL_WIDTH = 32;

const row = (label: string, value: string): string => `    ${label.padEnd(LABEL_WIDTH)}${value}`;

export const banner = (options: {
  readonly running: RunningStack;
  readonly dataDir: string;
  readonly originEnv: Readonly<Record<string, string>>;
  readonly edgeVars: Readonly<Record<string, string>>;
  readonly seconds: number;
  /** null: the origin has no admin API. */
  readonly signInLink: string | null;
}): string => {
  const { running, dataDir, originEnv, edgeVars, seconds, signInLink } = options;
  const { edgeUrl, originUrl, upstreamUrl, hasShop, secrets } = running;
  // A token that came with the environment is known there, and is not repeated.
  const tokenOf = (variable: string, made: string): string =>
    originEnv[variable] === undefined ? made : `the value of ${variable}`;
  const next = hasShop
    ? [
        `See it work:               ${isBuilt ? "npx sluice demo" : "npm run demo"} (in a second terminal)`,
        `Put it before your site:   UPSTREAM_URL=http://127.0.0.1:3000 ${isBuilt ? "npx sluice" : "npm"} start`,
      ]
    : ["The first feature:         npx sluice init (in a second terminal)"];
  return [
    "",
    `  Sluice is running (started in ${seconds.toFixed(1)} s)`,
    "",
    row(hasShop ? "Demo shop through the edge" : "Your site through the edge", edgeUrl),
    row("Origin and admin API", originUrl),
    ...(signInLink === null ? [] : [row("Sign in (once, for 5 minutes)", signInLink)]),
    row("OpenTelemetry (OTLP/HTTP)", originUrl),
    row(hasShop ? "Demo shop without the edge" : "Your site without the edge", upstreamUrl),
    "",
    row("Admin token", tokenOf("ADMIN_TOKEN", secrets.adminToken)),
    row("Ingest token (OpenTelemetry)", tokenOf("INGEST_TOKEN", secrets.ingestToken)),
    row(
      "Server key (OpenFeature)",
      edgeVars["SERVER_KEYS"] === undefined ? firstSecret(secrets.serverKeys) : "the value of SERVER_KEYS",
    ),
    row("Tokens are kept in", secretsFile(dataDir)),
    "",
    ...next.map((line) => `  ${line}`),
    "  Ctrl-C stops everything.",
    "",
  ].join("\n");
};
