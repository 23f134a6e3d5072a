// The document of a review.
import { z } from "@hono/zod-openapi";
import { Time } from "./common.ts";

const owner = z.string().nullable();
const days = z.number().int().openapi({ description: "Whole days since the feature was opened." });
const Tally = z.object({ n: z.number(), s: z.number() });

const RolledBack = z.object({
  featureId: z.string(),
  owner,
  at: Time,
  actor: z.string(),
  reason: z.string(),
  revision: z.number().int(),
  signals: z
    .array(
      z.object({
        signal: z.string(),
        threshold: z.number(),
        treatment: Tally,
        holdout: Tally.nullable(),
        logEvidence: z.number().nullable(),
        logBar: z.number().nullable(),
      }),
    )
    .openapi({ description: "The tests whose evidence rolled it back; empty where no evidence did." }),
  alert: z.object({ hook: z.string(), title: z.string(), link: z.string().nullable() }).nullable(),
  isOpenAgain: z.boolean(),
});

const Undecided = z.object({
  featureId: z.string(),
  owner,
  openDays: days,
  state: z.string().nullable().openapi({ description: "null: it was not evaluated since it was opened." }),
  why: z.string(),
  missing: z.array(z.string()),
  rollback: z.string().nullable(),
  keep: z.string().nullable(),
  expectedSeconds: z
    .number()
    .nullable()
    .openapi({ description: "Until the sooner of both decisions; null: none is in sight." }),
});

const Removable = z.object({
  featureId: z.string(),
  owner,
  cause: z.enum(["removeAfter", "kept", "openForAll"]),
  why: z.string(),
});

const Engagement = z.object({
  by: z.enum(["activation", "return"]).openapi({
    description: "`return` where nothing tells an activation: the share that comes back.",
  }),
  units: z.number().openapi({ description: "The newest units of treatment whose window is over." }),
  engaged: z.number(),
  rate: z.number(),
  atMost: z.number().openapi({ description: "What the rate is at most, at 95 %." }),
  windowSeconds: z.number(),
});

const why = z.string().nullable().openapi({ description: "Why it is not known; null: it is." });
const Amount = z.object({ value: z.number().nullable(), why });
const Burn = z.object({
  requests: Amount.openapi({
    description: "Requests of treatment that were followed to their end: at least so many there were.",
  }),
  latency: z.object({
    value: z
      .object({
        meanMs: z.number(),
        p95Ms: z.number(),
        treatmentRequests: z.number(),
        holdoutRequests: z.number(),
      })
      .nullable()
      .openapi({ description: "Treatment beyond the holdout, since the trial began." }),
    why,
  }),
  requestCost: Amount,
  latencyCost: Amount,
});

const Price = z.object({ value: z.number().nullable(), source: z.string() });

export const ReviewDocument = z
  .object({
    since: Time,
    until: Time,
    terms: z.object({
      openDays: z.number(),
      engagementBelow: z.number(),
      minUnits: z.number(),
      decidedDays: z.number(),
      undecidedDays: z.number(),
    }),
    prices: z.object({ currency: z.string(), perMillionRequests: Price, perUpstreamHour: Price }),
    openFeatures: z.number().int(),
    totals: z
      .object({
        rolledBack: z.number().int(),
        undecided: z.number().int(),
        removable: z.number().int(),
        zombies: z.number().int(),
        quiet: z.number().int(),
      })
      .openapi({ description: "Each list has its first hundred." }),
    rolledBack: z.array(RolledBack),
    undecided: z.array(Undecided),
    removable: z.array(Removable),
    zombies: z.array(
      z.object({ featureId: z.string(), owner, openDays: days, engagement: Engagement, burn: Burn }),
    ),
    quiet: z
      .array(z.object({ featureId: z.string(), owner, openDays: days, units: z.number(), why: z.string() }))
      .openapi({ description: "Open for long, and met by too few people to tell whether they engage." }),
  })
  .openapi("Review");
