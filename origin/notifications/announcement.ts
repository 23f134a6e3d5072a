// News as it is stored and told: what happened, to which feature, why, in which numbers.
import { z } from "zod";

/** A signal at the time of a decision. Of latency and error rate `s` counts the bad requests. */
export const SignalCounts = z.object({
  signal: z.string(),
  threshold: z.number(),
  treatment: z.object({ n: z.number(), s: z.number() }),
  holdout: z.object({ n: z.number(), s: z.number() }).nullable(),
});
export type SignalCounts = z.infer<typeof SignalCounts>;

export const AnnouncementDocument = z.object({
  /** One sentence. */
  reason: z.string(),
  /** As in the audit; null: nobody did it. */
  actor: z.string().nullable().default(null),
  revision: z.number().nullable().default(null),
  counts: z.array(SignalCounts).default([]),
  /** More than a sentence. */
  markdown: z.string().nullable().default(null),
});
export type AnnouncementDocument = z.infer<typeof AnnouncementDocument>;

/** An announcement as a target is told it. */
export type News = AnnouncementDocument & {
  readonly uid: string;
  readonly event: string;
  readonly at: Date;
  readonly featureId: string | null;
  readonly tags: readonly string[];
};
