// What every process of the origin has, whatever its roles: configuration, log, metrics, and the way it ends. Exit 2: the
// configuration is wrong, and starting again would not help.
import { randomUUID } from "node:crypto";
import { adminTokenProblems } from "../environment/admin-token.ts";
import { parseConfig } from "../environment/parse-config.ts";
import { Variables, type Config, type Role } from "../environment/variables.ts";
import { certificateProblems } from "../db/certificates.ts";
import { withFileVariables } from "../runtime/file-variables.ts";
import { makeLogger } from "../runtime/log.ts";
import { makeMetrics } from "../runtime/metrics.ts";
import { makeShutdown } from "../runtime/shutdown.ts";
import packageJson from "../../package.json" with { type: "json" };
import { variableErrorText, type VariableError } from "../../shared/variables.ts";

const refuse = (errors: readonly VariableError[]): never => {
  for (const error of errors) process.stderr.write(`${variableErrorText(error)}\n`);
  process.exit(2);
};

const readConfig = (): Config => {
  const given = withFileVariables(process.env, Object.keys(Variables.shape));
  const parsed = given.ok ? parseConfig(given.value) : given;
  if (!parsed.ok) return refuse(parsed.error);
  const config = parsed.value;
  const missing = adminTokenProblems(config);
  if (missing.length > 0) return refuse(missing);
  const unreadable = (["DATABASE_URL", "DATABASE_REPLICA_URL", "REDIS_URL"] as const).flatMap((variable) =>
    certificateProblems([config[variable]].flat()).map((reason) => ({ variable, reason })),
  );
  return unreadable.length === 0 ? config : refuse(unreadable);
};

export type OriginProcess = ReturnType<typeof startProcess>;

export const startProcess = () => {
  const config = readConfig();
  const log = makeLogger(config.LOG_LEVEL);
  return {
    config,
    log,
    metrics: makeMetrics(),
    shutdown: makeShutdown(log),
    instance: randomUUID(),
    version: packageJson.version,
    has: (role: Role): boolean => config.ROLES.includes(role),
  };
};
