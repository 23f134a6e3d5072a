// A change that waits for a second person: what it is, what it is about, and a hash of both. Who approves names the hash.
import { hash } from "node:crypto";
import { z } from "zod";
import { FeatureId } from "../../../shared/ids.ts";
import { canonicalJson } from "../change-diff.ts";
import type { Config } from "../config/applied-fields.ts";
import { ProposedChange } from "../proposed-change.ts";
import { ProposedSchedule } from "../schedules/schedule.ts";

/** A change of the policy itself. */
const ProposedPolicy = z.strictObject({ kind: z.literal("policy"), tags: z.array(z.string()).readonly() });

/** A schedule that is to be made. */
const ScheduleSubject = ProposedSchedule.extend({ kind: z.literal("schedule") });

type StoredConfig = Omit<Config, "segments"> & Partial<Pick<Config, "segments">>;

/** Configuration files, as they were checked when the request was made. One that is older than segments in files names none. */
const ProposedApply = z.strictObject({
  kind: z.literal("apply"),
  planHash: z.string(),
  config: z
    .custom<StoredConfig>((value) => typeof value === "object" && value !== null)
    .transform((config): Config => ({ segments: [], ...config })),
});
export type ProposedApply = z.infer<typeof ProposedApply>;

export const ApprovalSubject = z.union([ProposedChange, ProposedPolicy, ScheduleSubject, ProposedApply]);
export type ApprovalSubject = z.infer<typeof ApprovalSubject>;

/** Of a policy the one version that it follows, and no feature. */
export const Base = z.array(z.object({ featureId: FeatureId.nullable(), version: z.number().nullable() }));
export type Base = readonly z.infer<typeof Base>[number][];

const Diff = z.object({
  featureId: FeatureId.nullable(),
  field: z.string(),
  from: z.unknown(),
  to: z.unknown(),
});

const Tags = z.array(z.string()).readonly();

export const ApprovalState = z.enum([
  "open",
  "approved",
  "applied",
  "rejected",
  "withdrawn",
  "stale",
  "failed",
  "expired",
]);
export type ApprovalState = z.infer<typeof ApprovalState>;

export const ApprovalRequest = z.object({
  seq: z.number(),
  approvalId: z.string(),
  changeId: z.string(),
  subject: ApprovalSubject,
  base: Base,
  diff: z.array(Diff),
  hash: z.string(),
  /** The policy's tags that ask for it; none for a change of the policy. */
  tags: z.array(z.string()),
  featureTags: z.array(z.object({ before: Tags.nullable(), after: Tags.nullable() })),
  featureIds: z.array(FeatureId),
  reason: z.string(),
  askedBy: z.string(),
  askedAt: z.date(),
  expiresAt: z.date(),
  /** By the database's clock: an open one is expired from `expiresAt` on. */
  state: ApprovalState,
  decidedBy: z.string().nullable(),
  decidedAt: z.date().nullable(),
  decisionReason: z.string().nullable(),
  outcome: z.record(z.string(), z.unknown()).nullable(),
});
export type ApprovalRequest = z.infer<typeof ApprovalRequest>;

/** To be shown, rejected and withdrawn. A newer version may have asked for a change that this one does not know. */
export const ShownApproval = ApprovalRequest.extend({ subject: z.looseObject({ kind: z.string() }) });
export type ShownApproval = z.infer<typeof ShownApproval>;

/** The same change about another version of a feature has another hash. */
export const hashOfApproval = (subject: ApprovalSubject, base: Base): string =>
  hash("sha256", canonicalJson({ subject, base }));
