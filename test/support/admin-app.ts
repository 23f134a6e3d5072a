// The origin's HTTP app with its admin API on a test's database, wired as main.ts wires it.
import { randomUUID } from "node:crypto";
import { makeAdminApi } from "../../origin/admin/admin-api.ts";
import type { Pool } from "../../origin/db/pool.ts";
import { makeDeliveryReads } from "../../origin/delivery/delivery-reads.ts";
import { makeEvaluationReads } from "../../origin/evaluate/evaluation-reads.ts";
import { makeFeatureChanges } from "../../origin/features/change-feature.ts";
import { makeFeatureReads } from "../../origin/features/feature-reads.ts";
import { makeHttpApp } from "../../origin/runtime/http-app.ts";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";

const adminToken = "the-admin-token";
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** `now`: unix seconds. */
export const makeAdminApp = (options: { pool: Pool; keys?: KeyRing; now?: () => number }) => {
  const { pool, keys, now = () => Date.now() / 1_000 } = options;
  const history = <T>(read: (db: Pool) => Promise<T>) => read(pool);
  const app = makeHttpApp({
    registry: makeMetrics().registry,
    log: silent,
    instance: "an-instance-of-the-tests",
    notReady: async () => [],
    adminApi: makeAdminApi({
      adminToken,
      changes: makeFeatureChanges({ pool, newId: randomUUID }),
      features: makeFeatureReads({ pool, history }),
      evaluation: makeEvaluationReads({ pool, history, now }),
      delivery: makeDeliveryReads({ pool, keys, nowMs: Date.now }),
    }),
  });
  return {
    app,
    /** A request to the admin API by the holder of its token. */
    request: (path: string, init: { method?: string; body?: string | null; headers?: object } = {}) =>
      app.request(`/admin/v1${path}`, {
        ...init,
        headers: { authorization: `Bearer ${adminToken}`, ...init.headers },
      }),
  };
};
