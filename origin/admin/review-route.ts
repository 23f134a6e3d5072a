// The review of some days: what was rolled back, what never decides, what is removable, and what nobody uses.
import { z } from "@hono/zod-openapi";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { AdminApp } from "./admin-context.ts";
import { ReviewDocument } from "./documents/review.ts";
import { dropUndefined } from "./documents/feature.ts";
import { schemaProblem } from "./field-problem.ts";
import { addOperation } from "./operation.ts";

const MOST_DAYS = 92;
const DAY_MS = 86_400_000;

const time = z.iso.datetime({ offset: true }).optional();
const days = (most: number) => z.coerce.number().int().min(1).max(most).optional();
const price = z.coerce.number().min(0).max(1e9).optional();

const ReviewQuery = z.object({
  since: time.openapi({ description: "Default: seven days before `until`." }),
  until: time.openapi({ description: "Default: now." }),
  openDays: days(3_650).openapi({
    description: "A feature is a zombie after so many days at the earliest. Default: 30.",
  }),
  engagementBelow: z.coerce
    .number()
    .positive()
    .max(1)
    .optional()
    .openapi({ description: "A zombie's share of units that engage is below this. Default: 0.005." }),
  minUnits: z.coerce
    .number()
    .int()
    .min(1)
    .max(1e9)
    .optional()
    .openapi({ description: "Fewer units say nothing of engagement. Default: 1000." }),
  decidedDays: days(3_650).openapi({
    description:
      "A feature that is open for everybody can be removed so many days after its decision. Default: 30.",
  }),
  undecidedDays: days(3_650).openapi({
    description: "A feature without a decision is named after so many days. Default: 14.",
  }),
  pricePerMillionRequests: price.openapi({
    description: "Instead of REVIEW_PRICE_PER_MILLION_REQUESTS, in the same currency.",
  }),
  pricePerUpstreamHour: price.openapi({ description: "Instead of REVIEW_PRICE_PER_UPSTREAM_HOUR." }),
});

const Span = z
  .object({ since: z.number(), until: z.number() })
  .refine(({ since, until }) => since < until, { path: ["since"], error: "must be before until" })
  .refine(({ since, until }) => until - since <= MOST_DAYS * DAY_MS, {
    path: ["since"],
    error: `must be at most ${MOST_DAYS} days before until`,
  });

export const addReviewRoute = (
  api: AdminApp,
  { evaluation }: { evaluation: Pick<EvaluationReads, "review" | "reviewText" | "prices" | "now"> },
): void => {
  addOperation(
    api,
    {
      method: "get",
      path: "/review",
      operationId: "getReview",
      tag: "Evaluations",
      summary: "What was rolled back, never decides, can be removed, or is used by nobody",
      description:
        "Of the last seven days, or of `since` to `until`. Zombies are open for long while hardly anybody engages; with what they burn. What cannot be known says so. As Markdown with `Accept: text/plain`.",
      scope: "viewer",
      query: ReviewQuery,
      answers: { 200: { description: "The review.", schema: ReviewDocument, alsoText: true } },
    },
    async ({ context, query }) => {
      const { since, until, pricePerMillionRequests, pricePerUpstreamHour, ...terms } = query;
      const untilMs = until === undefined ? evaluation.now() * 1_000 : Date.parse(until);
      const sinceMs = since === undefined ? untilMs - 7 * DAY_MS : Date.parse(since);
      const span = Span.safeParse({ since: sinceMs, until: untilMs });
      if (!span.success) return schemaProblem(context, span.error);
      const asked = (value: number | undefined, own: { value: number | null; source: string }) =>
        value === undefined ? own : { value, source: "asked for" };
      const { prices } = evaluation;
      const review = await evaluation.review({
        ...dropUndefined(terms),
        since: sinceMs / 1_000,
        until: untilMs / 1_000,
        prices: {
          currency: prices.currency,
          perMillionRequests: asked(pricePerMillionRequests, prices.perMillionRequests),
          perUpstreamHour: asked(pricePerUpstreamHour, prices.perUpstreamHour),
        },
      });
      return context.req.header("accept") === "text/plain"
        ? context.text(evaluation.reviewText(review))
        : context.json(review);
    },
  );
};
