// The query of the list of features, and the text by which its next page is asked for.
import { z } from "@hono/zod-openapi";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { FeatureFilterState, FeaturePlace, FeatureSort } from "../../features/list-features.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { wholeInQuery } from "./common.ts";

const FEATURE_SORTS = [
  "featureId",
  "owner",
  "createdAt",
  "updatedAt",
  "rolloutBps",
  "removeAfter",
  "state",
  "nearness",
  "exposed",
] as const satisfies readonly FeatureSort[];

const FEATURE_STATES = [
  "open",
  "closed",
  "rolledBack",
  "unwatched",
  "waiting",
  "COLLECTING",
  "TESTING",
  "UNDECIDED",
  "KEEP",
  "WATCH",
  "ROLLBACK",
  "INVALID",
] as const satisfies readonly FeatureFilterState[];

export const FeatureListQuery = z.object({
  limit: wholeInQuery(1, 500).default(100),
  after: z.string().max(2_048).optional().openapi({
    description: "The `next` of the page before, with the same filters, `sort` and `order`.",
  }),
  tag: z.string().max(64).optional().openapi({ description: "Only features with this tag." }),
  owner: z.string().max(128).optional().openapi({ description: "Only features of this owner." }),
  state: z.enum(FEATURE_STATES).optional().openapi({
    description:
      "Only features in this state. One that was rolled back is not `closed`. Of what is open, `unwatched` has no rule, `waiting` was not evaluated yet, and the others are in this state of a decision.",
  }),
  mode: z
    .enum(["shadow", "enforce", "none"])
    .optional()
    .openapi({ description: "Only features whose rule has this mode; `none`: that have no rule." }),
  ids: z
    .string()
    .max(16_384)
    .transform((text) => text.split(","))
    .pipe(z.array(FeatureId).min(1).max(100))
    .optional()
    .openapi({ type: "string", description: "Only these features, at most 100, separated by commas." }),
  q: z.string().max(128).optional().openapi({
    description: "Only features with this text in their id, description, owner or tags, in whatever case.",
  }),
  sort: z.enum(FEATURE_SORTS).default("featureId").openapi({
    description:
      "Features without the value come last. `state`: what asks for attention first; `nearness`: how near the next decision is; `exposed`: units of both cohorts, by the newest stored evaluation.",
  }),
  order: z.enum(["asc", "desc"]).default("asc"),
});
export type FeatureListQuery = z.infer<typeof FeatureListQuery>;

const Place = z.tuple([z.enum(FEATURE_SORTS), z.enum(["asc", "desc"]), z.string(), z.string()]);

const isKeyOf = (sort: FeatureListQuery["sort"], key: string): boolean => {
  if (sort === "rolloutBps" || sort === "state") return /^\d{1,5}$/.test(key);
  if (sort === "nearness") return /^-?\d(\.\d{1,20})?(e-\d{1,3})?$/.test(key);
  if (sort === "exposed") return /^(-1|\d{1,18}|9223372036854775807)$/.test(key);
  if (sort === "createdAt" || sort === "updatedAt") return /^\d{1,18}$/.test(key);
  return !key.includes("\0") && key.isWellFormed();
};

/** Features by their ids are asked for by the last id. Any other order needs the value that it sorts by too. */
export const readAfter = ({
  after,
  sort,
  order,
}: FeatureListQuery): Result<FeaturePlace | undefined, string> => {
  if (after === undefined || after === "") return ok(undefined);
  if (sort === "featureId") return ok({ key: after, featureId: after });
  const wrong = err("must be the next of the page before, with the same sort and order");
  try {
    const place = Place.safeParse(JSON.parse(Buffer.from(after, "base64url").toString("utf8"))).data;
    if (place === undefined) return wrong;
    const [ofSort, ofOrder, key, featureId] = place;
    if (ofSort !== sort || ofOrder !== order || !isKeyOf(sort, key) || !isKeyOf("featureId", featureId))
      return wrong;
    return ok({ key, featureId });
  } catch (error) {
    if (error instanceof SyntaxError) return wrong;
    throw error;
  }
};

export const nextOf = ({ sort, order }: FeatureListQuery, place: FeaturePlace | null): string | null => {
  if (place === null) return null;
  if (sort === "featureId") return place.featureId;
  return Buffer.from(JSON.stringify([sort, order, place.key, place.featureId])).toString("base64url");
};
