// Who may ask what: the same in every role that is asked over HTTP.
import { makeAccess } from "../access/make-access.ts";
import { makeNewToken } from "../access/new-admin-token.ts";
import { isReachable } from "../environment/settings.ts";
import type { Databases } from "./databases.ts";
import type { OriginProcess } from "./process.ts";

export type Access = ReturnType<typeof makeAccess>;

export const openAccess = ({ config, log, has }: OriginProcess, { main: { pool } }: Databases) => {
  const adminToken = config.ADMIN_TOKEN ?? (has("admin") ? makeNewToken(log) : undefined);
  const access = makeAccess({
    pool,
    adminToken,
    nowMs: () => performance.now(),
    isLocal: !isReachable(config),
    log,
  });
  return { adminToken, access };
};
