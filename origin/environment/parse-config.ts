// Configuration: read from the environment once, refused at start with the variable's name and what it may be.
import { err, type Result } from "../../shared/result.ts";
import { parseVariables, withoutEmpty, type VariableError } from "../../shared/variables.ts";
import { isRandomSecret } from "../../shared/signing/key-ring.ts";
import { exposures } from "./exposures.ts";
import { isReachable } from "./settings.ts";
import { Variables, type Config } from "./variables.ts";

/** Of Sluice's own making: whoever guesses one of them has what it protects. */
const OWN_TOKENS = ["ADMIN_TOKEN", "INGEST_TOKEN", "METRICS_TOKEN"] as const;

const NEEDED_BY_OIDC = ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "PUBLIC_URL", "SESSION_KEYS"] as const;

const Checked = Variables.superRefine((config, context) => {
  if (context.issues.length > 0) return;
  const miss = (variable: string, needed: string) =>
    context.addIssue({ code: "custom", path: [variable], message: needed });
  if (config.EDGE_URLS.length > 0 && config.PUSH_KEYS === undefined)
    miss("PUSH_KEYS", "must be set when EDGE_URLS is");
  const hosts = new Set(config.EDGE_URLS.map((edge) => new URL(edge).host));
  const kids = new Set((config.PUSH_KEYS ?? []).map(({ kid }) => kid));
  for (const [host, kid] of Object.entries(config.EDGE_KEY_NAMES)) {
    if (!hosts.has(host)) miss("EDGE_KEY_NAMES", `names ${host}, which is the host of no edge in EDGE_URLS`);
    if (!kids.has(kid)) miss("EDGE_KEY_NAMES", `names the key ${kid}, which PUSH_KEYS does not have`);
  }
  for (const variable of ["SPAN_LOG_CA_FILE", "SPAN_LOG_CREDENTIALS_FILE"] as const)
    if (config.SPAN_LOG_URL === undefined && config[variable] !== undefined)
      miss("SPAN_LOG_URL", `must be set when ${variable} is`);
  if (config.MIGRATE !== "start" && config.DATABASE_URL === undefined)
    miss("DATABASE_URL", `must be set when MIGRATE is ${config.MIGRATE}`);
  if (config.SMTP_URL !== undefined && config.SMTP_FROM === undefined)
    miss("SMTP_FROM", "must be set when SMTP_URL is");
  if (config.CLICKHOUSE_URL !== undefined) {
    const { username, password, search } = new URL(config.CLICKHOUSE_URL);
    if (`${username}${password}${search}` !== "")
      miss(
        "CLICKHOUSE_URL",
        "must have neither a user nor a query: use CLICKHOUSE_USER and CLICKHOUSE_PASSWORD",
      );
  }
  if (isReachable(config))
    for (const variable of OWN_TOKENS)
      if (config[variable] !== undefined && !isRandomSecret(config[variable]))
        miss(
          variable,
          "must be at least 32 random bytes as base64 or hex where others than this machine reach the origin " +
            "(ORIGIN_HOST, PUBLIC_URL): openssl rand -base64 32 makes one",
        );
  for (const variable of NEEDED_BY_OIDC)
    if (config.OIDC_ISSUER !== undefined && config[variable] === undefined)
      miss(variable, "must be set when OIDC_ISSUER is");
  for (const variable of ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"] as const)
    if (config.OIDC_ISSUER === undefined && config[variable] !== undefined)
      miss("OIDC_ISSUER", `must be set when ${variable} is`);
});
/** An empty variable counts as unset. */
export const parseConfig = (
  environment: Readonly<Record<string, string | undefined>>,
): Result<Config, VariableError[]> => {
  const set = withoutEmpty(environment);
  const parsed = parseVariables(Checked, set);
  if (!parsed.ok) return parsed;
  const exposed = exposures(parsed.value, set);
  return exposed.length === 0 ? parsed : err(exposed);
};
