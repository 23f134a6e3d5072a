// Whether an origin may make the admin token of its run itself.
import type { VariableError } from "../../shared/variables.ts";
import { isReachable } from "./settings.ts";
import type { Config } from "./variables.ts";

/** Not where others reach it: nobody would know its token but who reads the log. Commands and migrations need none. */
export const adminTokenProblems = (config: Config): readonly VariableError[] =>
  config.ADMIN_TOKEN === undefined &&
  isReachable(config) &&
  config.ROLES.includes("admin") &&
  config.MIGRATE !== "only"
    ? [
        {
          variable: "ADMIN_TOKEN",
          reason:
            "must be set where others than this machine reach the origin (ORIGIN_HOST, PUBLIC_URL): " +
            "openssl rand -base64 32 makes one",
        },
      ]
    : [];
