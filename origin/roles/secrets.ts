// Secrets that the database keeps, in every role that uses them: push sends to targets, admin verifies hooks and changes both.
import { makeHookSecrets } from "../hooks/hook-secrets.ts";
import { makeTargetSecrets } from "../notifications/target-secrets.ts";
import { startSecretsUpkeep } from "../runtime/secrets-upkeep.ts";
import { makeStoredSecrets } from "../runtime/stored-secrets.ts";
import type { Databases } from "./databases.ts";
import type { OriginProcess } from "./process.ts";

export type Secrets = ReturnType<typeof startSecrets>;

export const startSecrets = ({ config, log, has }: OriginProcess, { main: { pool } }: Databases) => {
  const secrets = makeStoredSecrets(config.ENCRYPTION_KEYS);
  const holders = [makeTargetSecrets(pool, secrets), makeHookSecrets(pool, secrets)];
  const upkeep = has("admin") || has("push") ? startSecretsUpkeep({ holders, secrets, log }) : undefined;
  return { secrets, holders, upkeep };
};
