// Segments: list, create, read, edit, delete. A change of one changes all features that use it, at one revision.
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { SegmentId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type {
  ChangedSegment,
  SegmentChangeError,
  SegmentChanges,
} from "../features/segments/change-segment.ts";
import type { UsedSegment } from "../features/segments/read-segments.ts";
import type { SegmentReads } from "../features/segments/segment-reads.ts";
import type { Approvals } from "../features/approvals/make-approvals.ts";
import type { Hold } from "../features/change-guard.ts";
import type { Principal } from "../access/principal.ts";
import type { WarningLog } from "../runtime/log.ts";
import { problem } from "../runtime/problem.ts";
import { changeProblem } from "./change-problem.ts";
import { Reason } from "./documents/feature.ts";
import {
  NewSegmentBody,
  segmentEditBodyFor,
  SegmentDocument,
  SegmentEditBody,
  SegmentListQuery,
  SegmentParams,
  SegmentsDocument,
} from "./documents/segment.ts";
import type { AdminApp } from "./admin-context.ts";
import { fieldsProblem } from "./field-problem.ts";
import { addOperation } from "./operation.ts";
import { scopeProblem, tagProblem } from "./permission.ts";
import { Force } from "./submit-change.ts";
import { etagOf, readBody, readPrecondition, versionProblem } from "./read-request.ts";

const ForceQuery = z.object({ force: Force });
const ReasonQuery = z.object({ reason: Reason.optional() });
const one = { description: "The segment, with its ETag.", schema: SegmentDocument };
const place = { path: "/segments/{segmentId}", tag: "Segments", params: SegmentParams } as const;

const list = (names: readonly string[]): string => names.join(", ");

const notFound = (context: Context, segmentId: SegmentId): Response =>
  problem(context, { status: 404, title: "Not Found", detail: `no segment ${segmentId}` });

const segmentProblem = (context: Context, principal: Principal, refused: SegmentChangeError): Response => {
  const conflict = (detail: string, facts: object) =>
    problem(context, { status: 409, title: "Conflict", detail, reason: refused.error.reason, ...facts });
  if (refused.of === "features") {
    if (refused.error.reason === "foreignTags")
      return tagProblem(context, principal, refused.error.featureIds);
    if (refused.error.reason !== "approvalNeeded") return changeProblem(context, refused.error);
    const { tags } = refused.error;
    return conflict(
      `features with the tag ${tags.join(" or ")} use it, and they change with the approval of a second person: an admin may force it with ?force=true and a reason`,
      { tags },
    );
  }
  const { error } = refused;
  switch (error.reason) {
    case "notFound":
      return notFound(context, error.segmentId);
    case "versionConflict":
      return versionProblem(context, error.have, "the segment");
    case "alreadyExists":
      return conflict("a segment with this id exists", { have: error.have });
    case "tooMany":
      return conflict(`there are ${error.limit} segments, and no more fit: delete one that nobody uses`, {
        limit: error.limit,
      });
    case "inUse": {
      const { featureIds, segmentIds } = error;
      const users = [
        ...(featureIds.length === 0 ? [] : [`features ${list(featureIds)}`]),
        ...(segmentIds.length === 0 ? [] : [`segments ${list(segmentIds)}`]),
      ];
      return conflict(`it is used by ${users.join(" and ")}: take it out of them first`, {
        featureIds,
        segmentIds,
      });
    }
    case "invalid":
      return fieldsProblem(context, error.errors);
  }
};

/** What the file takes back of a change that was made by other means. */
const fileWarnings = ({ managedBy }: UsedSegment): readonly string[] =>
  managedBy === null || managedBy.drift.length === 0
    ? []
    : [
        `${managedBy.file} of ${managedBy.source} owns this segment: its next apply takes back ${list(managedBy.drift.map(({ field }) => field))}. Change the file too`,
      ];

/** What a person may not expect of a change that others' features take part in. */
const warningsOf = ({ features, onTrial }: ChangedSegment): readonly string[] => {
  if (features.length === 0) return [];
  const changed = `${features.length} ${features.length === 1 ? "feature" : "features"} changed with it`;
  if (onTrial.length === 0) return [`${changed}, none of them on trial`];
  return [
    `${changed}, ${onTrial.length} of them on trial (${list(onTrial)}): whoever is no longer targeted loses the feature and stays counted, and whoever is targeted now is counted from now on. Their evidence goes on; a new trial of each begins with POST /admin/v1/features/ID/trial`,
  ];
};

export const addSegmentRoutes = (
  api: AdminApp,
  options: {
    segments: SegmentReads;
    segmentChanges: SegmentChanges;
    approvals: Pick<Approvals, "guard">;
    log: WarningLog;
  },
): void => {
  const { segments, segmentChanges, approvals, log } = options;

  const find = async (context: Context, segmentId: SegmentId): Promise<Result<UsedSegment, Response>> => {
    const segment = await segments.getSegment(segmentId);
    return segment === null ? err(notFound(context, segmentId)) : ok(segment);
  };

  const answer = async (
    context: Context,
    segmentId: SegmentId,
    { status = 200, changed }: { status?: 200 | 201; changed?: ChangedSegment } = {},
  ): Promise<Response> => {
    const found = await find(context, segmentId);
    if (!found.ok) return found.error;
    context.header("etag", etagOf(found.value.version));
    const { revision, features } = changed ?? {};
    const warnings = changed === undefined ? [] : [...warningsOf(changed), ...fileWarnings(found.value)];
    return context.json(
      {
        ...found.value,
        ...(changed === undefined ? {} : { revision, changed: features }),
        ...(warnings.length === 0 ? {} : { warnings }),
      },
      status,
    );
  };

  addOperation(
    api,
    {
      method: "get",
      path: "/segments",
      operationId: "listSegments",
      tag: "Segments",
      summary: "List segments by their ids, with who uses them",
      scope: "viewer",
      query: SegmentListQuery,
      answers: { 200: { description: "A page of segments.", schema: SegmentsDocument } },
    },
    async ({ context, query }) => {
      const { items, next } = await segments.listSegments(query);
      return context.json({ segments: items, next });
    },
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/segments",
      operationId: "createSegment",
      tag: "Segments",
      summary: "Create a segment",
      description: 'A feature uses it by `{"segment": "ID"}` as a condition of its targeting.',
      scope: "editor",
      body: NewSegmentBody,
      answers: { 201: one },
    },
    async ({ context, principal, readBody: read }) => {
      const body = await read();
      if (!body.ok) return body.error;
      const { segmentId, condition, description = null, reason = "created" } = body.value;
      const by = { actor: principal.actor, reason };
      const created = await segmentChanges.createSegment({ segmentId, condition, description }, by);
      if (!created.ok) return segmentProblem(context, principal, created.error);
      context.header("location", `/admin/v1/segments/${encodeURIComponent(segmentId)}`);
      return answer(context, segmentId, { status: 201, changed: created.value });
    },
  );

  addOperation(
    api,
    {
      ...place,
      method: "get",
      operationId: "getSegment",
      summary: "Read a segment, with who uses it",
      scope: "viewer",
      answers: { 200: one },
    },
    ({ context, params }) => answer(context, params.segmentId),
  );

  addOperation(
    api,
    {
      ...place,
      method: "put",
      operationId: "updateSegment",
      summary: "Change a segment, and all features that use it",
      description:
        "All of them change at one revision. What is not named keeps its value, and the document of a GET may be sent back. A token with tags may change it only if it may change each feature that uses it. Where one of them needs the approval of a second person, or is locked down, it is refused unless an admin forces it.",
      scope: "editor",
      ifMatch: "required",
      query: ForceQuery,
      body: SegmentEditBody.loose(),
      answers: { 200: one },
    },
    async ({ context, principal, params, query }) => {
      const found = await find(context, params.segmentId);
      if (!found.ok) return found.error;
      const { segmentId, version } = found.value;
      const precondition = readPrecondition(context, { version, required: true, what: "the segment" });
      if (!precondition.ok) return precondition.error;
      const body = await readBody(context, segmentEditBodyFor(found.value));
      if (!body.ok) return body.error;
      const { reason = "edited", ...edit } = body.value;
      const target = { segmentId, ...precondition.value };
      const by = { actor: principal.actor, reason };
      const isForced = query.force === "true";
      if (isForced && principal.scope !== "admin") return scopeProblem(context, principal, "admin");
      if (isForced && body.value.reason === undefined)
        return fieldsProblem(context, [{ field: "reason", reason: "a forced change needs one" }]);
      const passes: ReadonlySet<Hold> = new Set(isForced ? ["approvalNeeded", "lockedDown"] : []);
      const guard = approvals.guard(principal, passes);
      const changed = await segmentChanges.updateSegment(target, edit, by, guard);
      if (!changed.ok) return segmentProblem(context, principal, changed.error);
      if (isForced) log.warn({ segmentId, ...by }, "a change was forced past what holds such changes back");
      return answer(context, segmentId, { changed: changed.value });
    },
  );

  addOperation(
    api,
    {
      ...place,
      method: "delete",
      operationId: "deleteSegment",
      summary: "Delete a segment that nothing uses",
      scope: "editor",
      query: ReasonQuery,
      ifMatch: "required",
      answers: { 204: { description: "It is deleted." } },
    },
    async ({ context, principal, params, query }) => {
      const found = await find(context, params.segmentId);
      if (!found.ok) return found.error;
      const { segmentId, version } = found.value;
      const precondition = readPrecondition(context, { version, required: true, what: "the segment" });
      if (!precondition.ok) return precondition.error;
      const by = { actor: principal.actor, reason: query.reason ?? "deleted" };
      const deleted = await segmentChanges.deleteSegment({ segmentId, ...precondition.value }, by);
      return deleted.ok ? context.body(null, 204) : segmentProblem(context, principal, deleted.error);
    },
  );
};
