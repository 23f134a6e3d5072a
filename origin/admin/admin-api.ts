// The admin API, below /admin/v1: everything that a person or a script may ask of the origin, and every change.
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { IdempotentAnswers } from "../access/idempotent-answers.ts";
import type { Access } from "../access/make-access.ts";
import type { Sessions } from "../access/make-sessions.ts";
import type { DeliveryReads } from "../delivery/delivery-reads.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { Annotations } from "../features/annotations.ts";
import type { PreviewLinks } from "../features/preview-link.ts";
import type { Approvals } from "../features/approvals/make-approvals.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import type { SegmentChanges } from "../features/segments/change-segment.ts";
import type { SegmentReads } from "../features/segments/segment-reads.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { Hooks } from "../hooks/make-hooks.ts";
import type { NotificationTargets } from "../notifications/notification-targets.ts";
import type { Schedules } from "../features/schedules/make-schedules.ts";
import type { ErrorLog, WarningLog } from "../runtime/log.ts";
import { problem } from "../runtime/problem.ts";
import { addAnnotationRoutes } from "./annotation-routes.ts";
import { addApprovalRoutes } from "./approval-routes.ts";
import { addConfigRoutes, CONFIG_BODIES } from "./config-routes.ts";
import { addDeliveryRoutes } from "./delivery-routes.ts";
import { addAlertRoute } from "./alert-route.ts";
import { makeEventFeed } from "./event-feed.ts";
import { addEventRoutes } from "./event-routes.ts";
import { addForgetRoute, type ForgetUnit } from "./forget-route.ts";
import { addFeatureRoutes } from "./feature-routes.ts";
import { addHealthRoute, type HealthOptions } from "./health-route.ts";
import { addHookRoutes } from "./hook-routes.ts";
import { addHistoryRoutes } from "./history-routes.ts";
import { openApiDocument } from "./openapi.ts";
import type { AdminApp, AdminEnv } from "./admin-context.ts";
import { addMeRoute } from "./me-route.ts";
import { addNotificationRoutes } from "./notification-routes.ts";
import { addPlanningRoutes } from "./planning-routes.ts";
import { addPreviewRoutes } from "./preview-routes.ts";
import { makeReferencePage } from "./reference-page.ts";
import { addRolloutRoutes } from "./rollout-routes.ts";
import { addScheduleRoutes } from "./schedule-routes.ts";
import { addReviewRoute } from "./review-route.ts";
import { addRuleRoutes } from "./rule-routes.ts";
import { makeSubmitChange } from "./submit-change.ts";
import { authenticate, type Authentication } from "./authenticate.ts";
import { addSessionRoutes } from "./session-routes.ts";
import { addWhyRoute } from "./why-route.ts";
import { addEvaluateForRoute } from "./evaluate-for-route.ts";
import { addSegmentRoutes } from "./segment-routes.ts";
import { addTokenRoutes } from "./token-routes.ts";

const MAX_BODY_BYTES = 1024 * 1024;

const limitBodies = (maxSize: number) =>
  bodyLimit({
    maxSize,
    onError: (context) => problem(context, { status: 413, title: "Content Too Large" }),
  });

export type AdminApi = {
  /** Below /admin/v1. */
  readonly routes: AdminApp;
  /** /openapi.json and /docs */
  readonly reference: Hono;
  /** Makes the OpenAPI document, once. */
  readonly document: () => object;
};

const makeFeed = ({
  features,
  evaluation,
  delivery,
  log,
}: {
  features: Pick<
    FeatureReads,
    "newestAuditSeq" | "listAuditAfter" | "newestOperatorEventId" | "listOperatorEventsAfter"
  >;
  evaluation: Pick<EvaluationReads, "newestEvaluationId" | "listEvaluationsAfter">;
  delivery: Pick<DeliveryReads, "readEdgeNews">;
  log: ErrorLog;
}) =>
  makeEventFeed({
    reads: {
      newest: async () => ({
        seq: await features.newestAuditSeq(),
        evaluationId: await evaluation.newestEvaluationId(),
        operatorEventId: await features.newestOperatorEventId(),
      }),
      changesAfter: features.listAuditAfter,
      evaluationsAfter: evaluation.listEvaluationsAfter,
      operatorEventsAfter: features.listOperatorEventsAfter,
      edges: delivery.readEdgeNews,
    },
    log,
  });

export type AdminApiOptions = Authentication & {
  readonly access: Access;
  readonly sessions: Sessions;
  readonly idempotentAnswers: IdempotentAnswers;
  readonly features: FeatureReads;
  readonly changes: FeatureChanges;
  readonly approvals: Approvals;
  readonly segments: SegmentReads;
  readonly segmentChanges: SegmentChanges;
  readonly schedules: Schedules;
  readonly annotations: Annotations;
  readonly forgetUnit: ForgetUnit;
  /** null: this origin holds no keys for them. */
  readonly previewLinks: PreviewLinks | null;
  readonly evaluation: EvaluationReads;
  readonly delivery: DeliveryReads;
  readonly notifications: NotificationTargets;
  readonly health: HealthOptions;
  readonly hooks: Hooks;
  /** Aborted when the process stops: event streams end then. */
  readonly stopping: AbortSignal;
  readonly log: ErrorLog & WarningLog;
};

export const makeAdminApi = (options: AdminApiOptions): AdminApi => {
  const api = new OpenAPIHono<AdminEnv>();
  const ofOne = limitBodies(MAX_BODY_BYTES);
  // Before the token is asked for: an alerting system has none.
  api.post("/hooks/:name", ofOne);
  addAlertRoute(api, options);
  api.use(authenticate(options));
  api.use((context, next) => {
    context.set("idempotentAnswers", options.idempotentAnswers);
    return next();
  });
  const ofConfig = limitBodies(CONFIG_BODIES.maxBytes);
  api.use((context, next) =>
    (CONFIG_BODIES.paths.includes(context.req.path) ? ofConfig : ofOne)(context, next),
  );
  const submit = makeSubmitChange(options);
  addFeatureRoutes(api, { ...options, submit });
  addSegmentRoutes(api, options);
  addEvaluateForRoute(api, options);
  addRuleRoutes(api, { ...options, submit });
  addRolloutRoutes(api, { ...options, submit });
  addApprovalRoutes(api, options);
  addScheduleRoutes(api, options);
  addHistoryRoutes(api, options);
  addWhyRoute(api, options);
  addAnnotationRoutes(api, options);
  addPreviewRoutes(api, options);
  addPlanningRoutes(api, options);
  addReviewRoute(api, options);
  addConfigRoutes(api, options);
  addDeliveryRoutes(api, options);
  addHealthRoute(api, options);
  addNotificationRoutes(api, options);
  addTokenRoutes(api, options);
  addSessionRoutes(api, options);
  addHookRoutes(api, options);
  addForgetRoute(api, options);
  addMeRoute(api, options);
  addEventRoutes(api, { feed: makeFeed(options), stopping: options.stopping });
  const document = (): object => openApiDocument(api);
  return { routes: api, reference: makeReferencePage(document), document };
};
