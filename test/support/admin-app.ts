// The origin's HTTP app with its admin API on a test's database, wired as main.ts wires it.
import { randomUUID } from "node:crypto";
import { makeIdempotentAnswers } from "../../origin/access/idempotent-answers.ts";
import { readAllPositions } from "../../origin/aggregate/checkpoints.ts";
import { makeForgetUnit } from "../../origin/aggregate/forget-unit.ts";
import { makePostgresLogReader } from "../../origin/span-log/read-log.ts";
import { makePseudonymKeys } from "../../origin/span-log/pseudonyms/pseudonym-keys.ts";
import { makeAccess } from "../../origin/access/make-access.ts";
import { makeAgentRoutes } from "../../origin/agents/agent-routes.ts";
import { makeSessionKeys } from "../../origin/access/make-session-keys.ts";
import { makeSessions } from "../../origin/access/make-sessions.ts";
import { makeAdminApi } from "../../origin/admin/admin-api.ts";
import type { Pool } from "../../origin/db/pool.ts";
import { makeDeliveryReads } from "../../origin/delivery/delivery-reads.ts";
import { makeEvaluationReads } from "../../origin/evaluate/evaluation-reads.ts";
import { makeApprovals } from "../../origin/features/approvals/make-approvals.ts";
import { makeFeatureChanges } from "../../origin/features/change-feature.ts";
import { makeAnnotations } from "../../origin/features/annotations.ts";
import { makePreviewLinks } from "../../origin/features/preview-link.ts";
import { makeSchedules } from "../../origin/features/schedules/make-schedules.ts";
import { makeFeatureReads } from "../../origin/features/feature-reads.ts";
import { parseAllowedHosts } from "../../origin/notifications/channels/address-guard.ts";
import { makePostJson } from "../../origin/notifications/channels/post-json.ts";
import { makeSendMessage } from "../../origin/notifications/channels/send-message.ts";
import { makeNotificationTargets } from "../../origin/notifications/notification-targets.ts";
import type { HealthCheck } from "../../origin/runtime/health.ts";
import { makeStoredSecrets } from "../../origin/runtime/stored-secrets.ts";
import { makeHooks } from "../../origin/hooks/make-hooks.ts";
import { makeSegmentChanges } from "../../origin/features/segments/change-segment.ts";
import { makeSegmentReads } from "../../origin/features/segments/segment-reads.ts";
import { makeHttpApp } from "../../origin/runtime/http-app.ts";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import { makeRequestLimits } from "../../origin/runtime/request-limits.ts";
import { makePageCookies } from "../../origin/runtime/session-cookie.ts";
import type { Provider } from "../../origin/sign-in/provider.ts";
import { makeProviderPages } from "../../origin/sign-in/provider-pages.ts";
import { makeSignInApp } from "../../origin/sign-in/sign-in-app.ts";
import { makeOpenApiCheck } from "./openapi-check.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";

export const adminToken = "the-admin-token";
export const PUBLIC_URL = "http://127.0.0.1:8080";
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** `now`: unix seconds. */
export const makeAdminApp = (options: {
  pool: Pool;
  keys?: KeyRing;
  previewKeys?: KeyRing;
  now?: () => number;
  stopping?: AbortSignal;
  checks?: readonly HealthCheck[];
  sessionKeys?: KeyRing;
  encryptionKeys?: KeyRing;
  provider?: Provider;
  publicUrl?: string;
  /** another ADMIN_TOKEN than the one of `request` */
  adminToken?: string;
  /** Private hosts that notification targets may have. */
  allowedHosts?: readonly string[];
}) => {
  const { pool, keys, now = () => Date.now() / 1_000 } = options;
  const history = <T>(read: (db: Pool) => Promise<T>) => read(pool);
  const features = makeFeatureReads({ pool, history });
  const changes = makeFeatureChanges({ pool, newId: randomUUID });
  const metrics = makeMetrics();
  const publicUrl = options.publicUrl ?? PUBLIC_URL;
  const people = {
    access: makeAccess({
      pool,
      adminToken: options.adminToken ?? adminToken,
      nowMs: () => performance.now(),
      log: silent,
    }),
    sessions: makeSessions({
      pool,
      keys: options.sessionKeys ?? makeSessionKeys(),
      adminToken: options.adminToken ?? adminToken,
    }),
    cookies: makePageCookies(publicUrl),
    limits: makeRequestLimits(),
    publicUrl,
    log: silent,
  };
  const secrets = makeStoredSecrets(options.encryptionKeys);
  const allowed = parseAllowedHosts(options.allowedHosts ?? []);
  const adminApi = makeAdminApi({
    ...people,
    idempotentAnswers: makeIdempotentAnswers(pool),
    changes,
    approvals: makeApprovals({ pool, changes }),
    health: { checks: options.checks ?? [], version: "0.1.0", notReady: async () => [] },
    features,
    segments: makeSegmentReads(pool),
    segmentChanges: makeSegmentChanges({ pool, newId: randomUUID }),
    schedules: makeSchedules({ pool, changes }),
    annotations: makeAnnotations(pool),
    forgetUnit: makeForgetUnit({
      main: pool,
      others: [],
      unknownPlaces: async () => [],
      columnStore: null,
      pseudonyms: makePseudonymKeys({ db: pool, keys: undefined, naming: "pseudonymous" }),
      unfoldedSeconds: async () => makePostgresLogReader(pool).unfoldedSeconds(await readAllPositions(pool)),
    }),
    previewLinks:
      options.previewKeys === undefined
        ? null
        : makePreviewLinks({ key: options.previewKeys[0], site: null }),
    evaluation: makeEvaluationReads({ pool, history, now, rawKeepDays: 62 }),
    delivery: makeDeliveryReads({ pool, keys, nowMs: Date.now }),
    notifications: makeNotificationTargets({
      pool,
      secrets,
      send: makeSendMessage({
        postJson: makePostJson(allowed),
        sendEmail: null,
        publicUrl,
        nowMs: Date.now,
      }),
      allowed,
      canMail: false,
      environment: new Map(),
      nowMs: Date.now,
    }),
    hooks: makeHooks({
      pool,
      secrets,
      features,
      changes,
      alerts: metrics.hookAlerts,
      nowS: now,
      log: silent,
    }),
    stopping: options.stopping ?? new AbortController().signal,
  });
  const document = adminApi.document();
  const check = makeOpenApiCheck(document);
  const app = makeHttpApp({
    metrics,
    log: silent,
    version: "1.2.3",
    instance: "an-instance-of-the-tests",
    publicUrl,
    metricsToken: undefined,
    notReady: async () => [],
    adminApi,
    agentRoutes: (ask) =>
      makeAgentRoutes({
        app: ask,
        place: { isLocal: true, publicUrl: "http://127.0.0.1:8080" },
        log: silent,
      }),
    signIn: makeSignInApp(
      people,
      options.provider === undefined ? undefined : makeProviderPages(options.provider),
    ),
  });
  return {
    app,
    document,
    /** A request to the admin API by the holder of its token, whose answer is held to the OpenAPI document. */
    request: async (
      path: string,
      init: { method?: string; body?: string | null; headers?: object } = {},
    ): Promise<Response> => {
      const response = await app.request(`/admin/v1${path}`, {
        ...init,
        headers: { authorization: `Bearer ${adminToken}`, ...init.headers },
      });
      const missing = check({
        method: init.method ?? "GET",
        path: path.split("?")[0] ?? "",
        requestBody: init.body ?? null,
        status: response.status,
        contentType: response.headers.get("content-type"),
        // A stream has no end to wait for; its schema is any text.
        body: response.headers.get("content-type")?.startsWith("text/event-stream")
          ? '""'
          : await response.clone().text(),
      });
      if (missing.length > 0)
        throw new Error(
          `${init.method ?? "GET"} ${path} is not as the OpenAPI document says: ${missing.join("; ")}`,
        );
      return response;
    },
  };
};
