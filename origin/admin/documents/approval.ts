// Approvals and their policy in the admin API.
import { z } from "@hono/zod-openapi";
import type { ApprovalPolicy } from "../../features/approvals/approval-policy.ts";
import type { ShownApproval } from "../../features/approvals/approval-request.ts";
import { Cursor, Time } from "./common.ts";
import { Reason } from "./feature.ts";

const Diff = z.object({
  featureId: z.string().nullable(),
  field: z.string(),
  from: z.unknown(),
  to: z.unknown(),
});

export const ApprovalDocument = z
  .object({
    approvalId: z.string(),
    state: z
      .enum(["open", "approved", "applied", "rejected", "withdrawn", "stale", "failed", "expired"])
      .openapi({ description: "`approved`: it is being carried out. `stale`: a feature changed first." }),
    hash: z.string().openapi({ description: "Of the change and the versions that it is about." }),
    change: z
      .looseObject({ kind: z.string() })
      .openapi({ description: "What is carried out, in full; `policy` sets the policy itself." }),
    base: z
      .array(z.object({ featureId: z.string().nullable(), version: z.number().int().nullable() }))
      .openapi({ description: "The versions that it is about; null: a new feature." }),
    diff: z.array(Diff).openapi({ description: "What it does to each field." }),
    featureIds: z.array(z.string()),
    tags: z.array(z.string()).openapi({ description: "The tags of the policy that ask for it." }),
    reason: z.string(),
    askedBy: z.string(),
    askedAt: Time,
    expiresAt: Time,
    decidedBy: z.string().nullable(),
    decidedAt: Time.nullable(),
    decisionReason: z.string().nullable(),
    outcome: z
      .record(z.string(), z.unknown())
      .nullable()
      .openapi({ description: "The revision, what has moved, or why it could not be carried out." }),
  })
  .openapi("Approval");

export const ApprovalsDocument = z.object({ approvals: z.array(ApprovalDocument), next: Cursor.nullable() });

export const approvalDocument = ({
  seq: _seq,
  changeId: _changeId,
  featureTags: _featureTags,
  subject,
  ...request
}: ShownApproval) => ({ ...request, change: subject });

export const ApproveBody = z.strictObject({
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be the hash of the request, 64 hexadecimal digits")
    .openapi({ description: "Of the request that was looked at." }),
});
export const RejectBody = z.strictObject({ reason: Reason });

const Tags = z
  .array(z.string().min(1).max(64))
  .max(100)
  .openapi({ description: "Changes of features with one of these need two people. None: nobody needs any." });

export const PolicyDocument = z
  .object({
    version: z.number().int().openapi({ description: "0: none was ever set." }),
    tags: z.array(z.string()),
    at: Time.nullable(),
    actor: z.string().nullable(),
    reason: z.string().nullable(),
    details: z
      .record(z.string(), z.unknown())
      .openapi({ description: "Who approved it, or that it was forced." }),
    history: z
      .array(
        z.object({
          version: z.number().int(),
          tags: z.array(z.string()),
          at: Time.nullable(),
          actor: z.string().nullable(),
          reason: z.string().nullable(),
          details: z.record(z.string(), z.unknown()),
        }),
      )
      .openapi({ description: "The last 100, the newest first." }),
  })
  .openapi("ApprovalPolicy");

export const PolicyBody = z.strictObject({ tags: Tags, reason: Reason });

export const policyDocument = (policy: ApprovalPolicy, history: readonly ApprovalPolicy[]) => ({
  ...policy,
  history,
});
