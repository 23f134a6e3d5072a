// The role admin: the REST API with what it is asked about, and the pages by which people sign in.
import { makeAdminApi } from "../admin/admin-api.ts";
import { makeIdempotentAnswers } from "../access/idempotent-answers.ts";
import { makeSessionKeys } from "../access/make-session-keys.ts";
import { makeSessions } from "../access/make-sessions.ts";
import { makeForgetUnit } from "../aggregate/forget-unit.ts";
import { connectClickHouse } from "../aggregate/raw-spans/clickhouse.ts";
import { providerOf, publicUrlOf } from "../environment/settings.ts";
import { MAIN, readPlaces } from "../db/aggregate-databases.ts";
import { makeDeliveryReads } from "../delivery/delivery-reads.ts";
import { makeAnnotations } from "../features/annotations.ts";
import { makeFeatureReads } from "../features/feature-reads.ts";
import { makePreviewLinks } from "../features/preview-link.ts";
import { makeSegmentReads } from "../features/segments/segment-reads.ts";
import { makeHooks } from "../hooks/make-hooks.ts";
import { makeNotificationTargets } from "../notifications/notification-targets.ts";
import { makeAddressOf } from "../runtime/client-address.ts";
import { makeRequestLimits } from "../runtime/request-limits.ts";
import { makePageCookies } from "../runtime/session-cookie.ts";
import type { StoredSecrets } from "../runtime/stored-secrets.ts";
import type { ProviderSettings } from "../sign-in/provider.ts";
import { makeSignInApp } from "../sign-in/sign-in-app.ts";
import type { openAccess } from "./access.ts";
import type { Changes } from "./changes.ts";
import type { Databases } from "./databases.ts";
import type { Evaluate } from "./evaluate.ts";
import type { Health } from "./health.ts";
import type { OriginProcess } from "./process.ts";
import type { Push } from "./push.ts";
import type { Telemetry } from "./telemetry.ts";

const FORGET_TIMEOUT_MS = 600_000;

/** Of the process and its other parts. */
export type Asked = {
  readonly origin: OriginProcess;
  readonly databases: Databases;
  readonly access: ReturnType<typeof openAccess>;
  readonly changes: Changes;
  readonly push: Push;
  readonly telemetry: Telemetry;
  readonly evaluate: Evaluate;
  readonly secrets: StoredSecrets;
  readonly health: Health;
};

/** A scan of large tables takes longer than a request of the others may. */
const makeForgetting = async (
  { config }: OriginProcess,
  { main, aggregates }: Databases,
  { pseudonyms, unfoldedSeconds }: Telemetry,
) => {
  const columnStore =
    config.CLICKHOUSE_URL === undefined
      ? null
      : await connectClickHouse({
          url: config.CLICKHOUSE_URL,
          user: config.CLICKHOUSE_USER,
          password: config.CLICKHOUSE_PASSWORD,
        });
  const forgetUnit = makeForgetUnit({
    main: main.makeStagePool({
      applicationName: "sluice-forget",
      max: 1,
      queryTimeoutMs: FORGET_TIMEOUT_MS,
    }),
    others: aggregates.all.filter(({ name }) => name !== MAIN),
    unknownPlaces: async () => {
      const { byDatabase } = await readPlaces(main.pool);
      return [...byDatabase.keys()].filter((name) => aggregates.all.every((one) => one.name !== name));
    },
    columnStore,
    pseudonyms,
    unfoldedSeconds,
  });
  return { forgetUnit, stop: async () => columnStore?.stop() };
};

const startSignInAt = async (settings: ProviderSettings, { log }: OriginProcess) => {
  const [{ startProvider }, { makeProviderPages }] = await Promise.all([
    import("../sign-in/provider.ts"),
    import("../sign-in/provider-pages.ts"),
  ]);
  const started = startProvider({ settings, nowMs: () => performance.now(), log });
  return { pages: makeProviderPages(started), stop: started.stop };
};

/** `stopping`: event streams end with it. */
export const startAdmin = async (asked: Asked, stopping: AbortSignal) => {
  const { origin, databases, changes, push, telemetry, evaluate, secrets, health } = asked;
  const { config, log, metrics } = origin;
  const { pool, history } = databases.main;
  const { adminToken, access } = asked.access;
  const publicUrl = publicUrlOf(config);
  const people = {
    access,
    sessions: makeSessions({ pool, keys: config.SESSION_KEYS ?? makeSessionKeys(), adminToken }),
    cookies: makePageCookies(publicUrl),
    limits: makeRequestLimits({ addressOf: makeAddressOf(config.TRUSTED_PROXIES) }),
    publicUrl,
    log,
  };
  const settings = providerOf(config);
  const provider = settings === null ? undefined : await startSignInAt(settings, origin);
  const features = makeFeatureReads({ pool, history });
  const forgetting = await makeForgetting(origin, databases, telemetry);
  const api = makeAdminApi({
    ...people,
    idempotentAnswers: makeIdempotentAnswers(pool),
    changes: changes.changes,
    approvals: changes.approvals,
    schedules: changes.schedules,
    features,
    segments: makeSegmentReads(pool),
    segmentChanges: changes.segmentChanges,
    annotations: makeAnnotations(pool),
    forgetUnit: forgetting.forgetUnit,
    previewLinks:
      config.PREVIEW_KEYS === undefined
        ? null
        : makePreviewLinks({ key: config.PREVIEW_KEYS[0], site: config.EDGE_URLS[0] ?? null }),
    evaluation: evaluate.reads,
    delivery: makeDeliveryReads({ pool, keys: config.PUSH_KEYS, nowMs: Date.now }),
    notifications: makeNotificationTargets({ pool, secrets, ...push.messages, nowMs: Date.now }),
    health,
    hooks: makeHooks({
      pool,
      secrets,
      features,
      changes: changes.changes,
      alerts: metrics.hookAlerts,
      nowS: () => Date.now() / 1_000,
      log,
    }),
    stopping,
  });
  return {
    api,
    signIn: makeSignInApp(people, provider?.pages),
    stop: async () => {
      await provider?.stop();
      await forgetting.stop();
    },
  };
};
