// Four eyes: the policy by tags, and the changes that wait for a second person.
import { z } from "@hono/zod-openapi";
import { FeatureId } from "../../shared/ids.ts";
import type { Result } from "../../shared/result.ts";
import type { ShownApproval } from "../features/approvals/approval-request.ts";
import type { ApprovalError } from "../features/approvals/approval-error.ts";
import type { Approvals } from "../features/approvals/make-approvals.ts";
import type { WarningLog } from "../runtime/log.ts";
import { problem } from "../runtime/problem.ts";
import type { AdminApp, AdminContext } from "./admin-context.ts";
import { changeProblem } from "./change-problem.ts";
import {
  ApprovalDocument,
  approvalDocument,
  ApprovalsDocument,
  ApproveBody,
  PolicyBody,
  PolicyDocument,
  policyDocument,
  RejectBody,
} from "./documents/approval.ts";
import { wholeInQuery } from "./documents/common.ts";
import { addOperation } from "./operation.ts";
import { scopeProblem, tagProblem } from "./permission.ts";
import { etagOf, readPrecondition } from "./read-request.ts";
import { Force, waits } from "./submit-change.ts";
import type { Principal } from "../access/principal.ts";

const ApprovalParams = z.object({ approvalId: z.string().regex(/^apr_[0-9a-f]{1,40}$/, "is no approval") });
const ApprovalQuery = z.object({
  limit: wholeInQuery(1, 500).default(50),
  before: wholeInQuery(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .openapi({ description: "The `next` of the page before." }),
  state: z.enum(["open", "decided"]).optional().openapi({ description: "Those that wait, or the others." }),
  featureId: FeatureId.optional(),
});
const HISTORY = 100;

const place = { tag: "Approvals", params: ApprovalParams } as const;
const answers = { 200: { description: "The request as it is now.", schema: ApprovalDocument } };

const approvalProblem = (context: AdminContext, principal: Principal, error: ApprovalError): Response => {
  const refuse = (status: 403 | 409, detail: string, facts: object = {}) =>
    problem(context, {
      status,
      title: status === 403 ? "Forbidden" : "Conflict",
      detail,
      reason: error.reason,
      ...facts,
    });
  switch (error.reason) {
    case "notFound":
      return problem(context, { status: 404, title: "Not Found", detail: "no such approval" });
    case "notOpen": {
      const { state, decidedBy, decidedAt } = error.request;
      const who = decidedBy === null ? "" : ` by ${decidedBy}, ${decidedAt?.toISOString() ?? ""}`;
      return refuse(409, `it does not wait any more: ${state}${who}`, { state, decidedBy });
    }
    case "newerVersion":
      return refuse(
        409,
        `a newer version of Sluice asked for it, and this one does not know the change ${error.kind}: approve it through a process of that version`,
      );
    case "otherHash":
      return refuse(409, `the request has the hash ${error.have}: look at it again`, { have: error.have });
    case "ownRequest":
      return refuse(403, "you asked for it: another person decides, and you may withdraw it");
    case "unnamedApprover":
      return refuse(
        403,
        "ADMIN_TOKEN names nobody, so it cannot be the second person: approve with a token of your own",
      );
    case "notTheirs":
      return refuse(403, `${error.askedBy} asked for it: they or an admin may withdraw it`);
    case "foreignTags":
      return tagProblem(context, principal);
    case "needsAdmin":
      return scopeProblem(context, principal, "admin");
    case "stale":
      return refuse(409, "it was changed since, so nothing is carried out: ask for the change again", {
        moved: error.moved,
      });
    case "refused":
      return changeProblem(context, error.error);
  }
};

export const addApprovalRoutes = (
  api: AdminApp,
  { approvals, log }: { approvals: Approvals; log: WarningLog },
): void => {
  const answer = (
    { context, principal }: { context: AdminContext; principal: Principal },
    decided: Result<ShownApproval, ApprovalError>,
  ): Response =>
    decided.ok
      ? context.json(approvalDocument(decided.value))
      : approvalProblem(context, principal, decided.error);

  addOperation(
    api,
    {
      method: "get",
      path: "/approvals/policy",
      operationId: "getApprovalPolicy",
      tag: "Approvals",
      summary: "Which tags ask for a second person",
      scope: "viewer",
      answers: { 200: { description: "The policy, with its ETag.", schema: PolicyDocument } },
    },
    async ({ context }) => {
      const policy = await approvals.readPolicy();
      context.header("etag", etagOf(policy.version));
      return context.json(policyDocument(policy, await approvals.listPolicies(HISTORY)));
    },
  );

  addOperation(
    api,
    {
      method: "put",
      path: "/approvals/policy",
      operationId: "setApprovalPolicy",
      tag: "Approvals",
      summary: "Say which tags ask for a second person",
      description: "A policy that names tags is itself changed by two people, both with the scope `admin`.",
      scope: "admin",
      ifMatch: "required",
      query: z.object({ force: Force }),
      body: PolicyBody,
      answers: { 200: { description: "The policy holds.", schema: PolicyDocument }, ...waits },
    },
    async ({ context, principal, query, readBody }) => {
      const policy = await approvals.readPolicy();
      const precondition = readPrecondition(context, { version: policy.version, required: true });
      if (!precondition.ok) return precondition.error;
      const body = await readBody();
      if (!body.ok) return body.error;
      const tags = [...new Set(body.value.tags)].toSorted();
      const by = { actor: principal.actor, reason: body.value.reason };
      const isHeld = policy.tags.length > 0;
      if (isHeld && query.force !== "true") {
        const request = await approvals.askForPolicy(policy, tags, by);
        context.header("location", `/admin/v1/approvals/${request.approvalId}`);
        return context.json(approvalDocument(request), 202);
      }
      const set = await approvals.setPolicy(policy.version, tags, by, isHeld);
      if (set === null)
        return problem(context, {
          status: 409,
          title: "Conflict",
          detail: "another policy was set in the same moment: read it and try again",
        });
      if (isHeld) log.warn({ ...by, tags }, "the approval policy was changed by force, by one person alone");
      context.header("etag", etagOf(set.version));
      return context.json(policyDocument(set, await approvals.listPolicies(HISTORY)));
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/approvals",
      operationId: "listApprovals",
      tag: "Approvals",
      summary: "List changes that wait or waited for a second person, the newest first",
      scope: "viewer",
      query: ApprovalQuery,
      answers: { 200: { description: "A page of requests.", schema: ApprovalsDocument } },
    },
    async ({ context, query }) => {
      const page = await approvals.listApprovals(query);
      return context.json({ approvals: page.items.map(approvalDocument), next: page.next });
    },
  );

  addOperation(
    api,
    {
      ...place,
      method: "get",
      path: "/approvals/{approvalId}",
      operationId: "getApproval",
      summary: "Read a change that waits or waited for a second person",
      scope: "viewer",
      answers,
    },
    async ({ context, principal, params }) => {
      const request = await approvals.getApproval(params.approvalId);
      return request === null
        ? approvalProblem(context, principal, { reason: "notFound" })
        : context.json(approvalDocument(request));
    },
  );

  addOperation(
    api,
    {
      ...place,
      method: "post",
      path: "/approvals/{approvalId}/approve",
      operationId: "approveChange",
      summary: "Approve a change, which is carried out at once",
      description:
        "Exactly what the hash covers is carried out. Where a feature has changed since, nothing is: 409 says what has moved. Nobody approves their own change.",
      scope: "editor",
      body: ApproveBody,
      answers,
    },
    async (request) => {
      const body = await request.readBody();
      if (!body.ok) return body.error;
      const by = request.principal;
      return answer(request, await approvals.approve(request.params.approvalId, { ...body.value, by }));
    },
  );

  addOperation(
    api,
    {
      ...place,
      method: "post",
      path: "/approvals/{approvalId}/reject",
      operationId: "rejectChange",
      summary: "Reject a change",
      scope: "editor",
      body: RejectBody,
      answers,
    },
    async (request) => {
      const body = await request.readBody();
      if (!body.ok) return body.error;
      const by = request.principal;
      return answer(request, await approvals.reject(request.params.approvalId, { ...body.value, by }));
    },
  );

  addOperation(
    api,
    {
      ...place,
      method: "post",
      path: "/approvals/{approvalId}/withdraw",
      operationId: "withdrawChange",
      summary: "Withdraw a change that you asked for",
      description: "An admin may withdraw any.",
      scope: "editor",
      answers,
    },
    async (request) =>
      answer(request, await approvals.withdraw(request.params.approvalId, request.principal)),
  );
};
