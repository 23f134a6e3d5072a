// Schedules: changes of features that are carried out at a time.
import { z } from "@hono/zod-openapi";
import { FeatureId } from "../../shared/ids.ts";
import type { Approvals } from "../features/approvals/make-approvals.ts";
import type { Hold } from "../features/change-guard.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { Schedules } from "../features/schedules/make-schedules.ts";
import type { ShownSchedule } from "../features/schedules/schedule.ts";
import { problem } from "../runtime/problem.ts";
import type { AdminApp, AdminContext } from "./admin-context.ts";
import { changeProblem } from "./change-problem.ts";
import { approvalDocument } from "./documents/approval.ts";
import { wholeInQuery } from "./documents/common.ts";
import {
  proposedOf,
  ScheduleBody,
  ScheduleDocument,
  scheduleDocument,
  SchedulesDocument,
} from "./documents/schedule.ts";
import { fieldsProblem } from "./field-problem.ts";
import { addOperation } from "./operation.ts";
import { mayChange, scopeProblem, tagProblem } from "./permission.ts";
import { etagOf, readPrecondition } from "./read-request.ts";
import { Force, waits } from "./submit-change.ts";

const ScheduleParams = z.object({ scheduleId: z.string().regex(/^sch_[0-9a-f]{1,40}$/, "is no schedule") });
const ScheduleQuery = z.object({
  limit: wholeInQuery(1, 500).default(50),
  before: wholeInQuery(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .openapi({ description: "The `next` of the page before." }),
  state: z.enum(["planned", "finished"]).optional(),
  featureId: FeatureId.optional(),
});
/** Zones change their rules: nobody knows the clocks of farther days. */
const FARTHEST_MS = 5 * 366 * 86_400_000;

const notFound = (context: AdminContext): Response =>
  problem(context, { status: 404, title: "Not Found", detail: "no such schedule" });

const answerSchedule = (
  context: AdminContext,
  schedule: ShownSchedule,
  status: 200 | 201 = 200,
): Response => {
  context.header("etag", etagOf(schedule.version));
  return context.json(scheduleDocument(schedule), status);
};

export const addScheduleRoutes = (
  api: AdminApp,
  options: {
    schedules: Schedules;
    approvals: Pick<Approvals, "checkSchedule" | "askForSchedule">;
    features: Pick<FeatureReads, "getFeature">;
  },
): void => {
  const { schedules, approvals, features } = options;

  addOperation(
    api,
    {
      method: "get",
      path: "/schedules",
      operationId: "listSchedules",
      tag: "Schedules",
      summary: "List schedules, the newest first",
      scope: "viewer",
      query: ScheduleQuery,
      answers: { 200: { description: "A page of schedules.", schema: SchedulesDocument } },
    },
    async ({ context, query }) => {
      const page = await schedules.listSchedules(query);
      return context.json({ schedules: page.items.map(scheduleDocument), next: page.next });
    },
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/schedules",
      operationId: "makeSchedule",
      tag: "Schedules",
      summary: "Plan a change of a feature for a time",
      description:
        "A schedule never overrides a rollback of after it was made. A change that needs a second person needs one now, and not at its time.",
      scope: "editor",
      query: z.object({ force: Force }),
      body: ScheduleBody,
      bodyNames: true,
      answers: { 201: { description: "It is planned.", schema: ScheduleDocument }, ...waits },
    },
    async ({ context, principal, query, readBody }) => {
      const body = await readBody();
      if (!body.ok) return body.error;
      const { featureId, change: given, at, zone, graceSeconds, reason } = body.value;
      const record = await features.getFeature(featureId);
      if (record === null) return changeProblem(context, { reason: "notFound", featureId });
      const instant = schedules.instantOf({ at, zone });
      if (!instant.ok) return fieldsProblem(context, [instant.error]);
      const now = (await schedules.now()).getTime();
      if (instant.value <= now || instant.value > now + FARTHEST_MS) {
        const wrong = `is ${new Date(instant.value).toISOString()}, and it is ${new Date(now).toISOString()} now: name a time within the next five years`;
        return fieldsProblem(context, [{ field: "at", reason: wrong }]);
      }
      const change = proposedOf(featureId, given);
      const schedule = {
        change,
        at: new Date(instant.value).toISOString(),
        localTime: at,
        zone,
        graceSeconds,
      };
      const by = { actor: principal.actor, reason };
      const baseVersion = record.state.version;
      const edited = change.kind === "update" ? change.edit.tags : undefined;
      const tags = { before: record.tags, after: change.kind === "delete" ? null : (edited ?? record.tags) };
      const passes: ReadonlySet<Hold> = new Set();
      const refusal = await approvals.checkSchedule(change, tags, principal, passes);
      if (refusal?.reason === "foreignTags") return tagProblem(context, principal);
      const isForced = refusal?.reason === "approvalNeeded" && query.force === "true";
      if (isForced && principal.scope !== "admin") return scopeProblem(context, principal, "admin");
      if (refusal?.reason === "approvalNeeded" && !isForced) {
        const request = await approvals.askForSchedule(schedule, baseVersion, { ...refusal, by });
        context.header("location", `/admin/v1/approvals/${request.approvalId}`);
        return context.json(approvalDocument(request), 202);
      }
      if (refusal !== null && !isForced) return changeProblem(context, refusal);
      const permission = isForced ? { forced: ["approvalNeeded"] } : null;
      const made = await schedules.makeSchedule({ schedule, baseVersion, by, permission });
      context.header("location", `/admin/v1/schedules/${made.scheduleId}`);
      return answerSchedule(context, made, 201);
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/schedules/{scheduleId}",
      operationId: "getSchedule",
      tag: "Schedules",
      summary: "Read a schedule, and what became of it",
      scope: "viewer",
      params: ScheduleParams,
      answers: { 200: { description: "The schedule, with its ETag.", schema: ScheduleDocument } },
    },
    async ({ context, params }) => {
      const schedule = await schedules.getSchedule(params.scheduleId);
      return schedule === null ? notFound(context) : answerSchedule(context, schedule);
    },
  );

  addOperation(
    api,
    {
      method: "delete",
      path: "/schedules/{scheduleId}",
      operationId: "cancelSchedule",
      tag: "Schedules",
      summary: "Cancel a schedule that is not due yet",
      description: "It stays in the list, as `cancelled`.",
      scope: "editor",
      params: ScheduleParams,
      ifMatch: "optional",
      answers: { 200: { description: "It is cancelled.", schema: ScheduleDocument } },
    },
    async ({ context, principal, params }) => {
      const { scheduleId } = params;
      const schedule = await schedules.getSchedule(scheduleId);
      if (schedule === null) return notFound(context);
      const record = await features.getFeature(schedule.featureId);
      if (!mayChange(principal, record?.tags ?? [])) return tagProblem(context, principal);
      const precondition = readPrecondition(context, { version: schedule.version, required: false });
      if (!precondition.ok) return precondition.error;
      const { expectedVersion } = precondition.value;
      const given = { scheduleId, actor: principal.actor, expectedVersion };
      const cancelled = await schedules.cancelSchedule(given);
      if (cancelled !== null) return answerSchedule(context, cancelled);
      const { state = "planned" } = (await schedules.getSchedule(scheduleId)) ?? {};
      return problem(context, {
        status: 409,
        title: "Conflict",
        detail: state === "planned" ? "it is being carried out" : `it is not planned any more: ${state}`,
        reason: "notPlanned",
        state,
      });
    },
  );
};
