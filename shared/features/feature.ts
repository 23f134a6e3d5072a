// A feature as the edge knows it: the schema that origin and edge share.
import * as z from "zod";
import { Gate } from "./gate.ts";
import { Bps, FeatureId } from "../ids.ts";
import { PathPattern, Route } from "./route.ts";
import { Targeting } from "./targeting.ts";

/** A request that counts as the unit's activation when the upstream answers with `status` (default: any below 400). */
export const Activation = z.strictObject({
  path: PathPattern.describe("Path of the request, as in a route."),
  method: z
    .string()
    .regex(/^[A-Z]+$/, "must be upper case")
    .default("POST")
    .describe("HTTP method of the request."),
  status: z
    .number()
    .int()
    .min(100)
    .max(599)
    .optional()
    .describe("Status of the upstream's answer. Without it any status below 400 counts."),
});
export type Activation = z.infer<typeof Activation>;

/** `null`, `{}` and `[]` all mean that there is none: the writers of features have no common word for it. */
export const isNone = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0);

const orNone = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (isNone(value) ? null : value), schema.nullable()).default(null);

export const FeatureState = z
  .strictObject({
    featureId: FeatureId.describe("Name of the feature: letters, digits and `_ . : / -`."),
    enabled: z.boolean().describe("Whether the feature is open. A closed feature is off for everybody."),
    rolloutBps: Bps.describe("Share of all units that gets the feature, in basis points."),
    holdoutBps: Bps.describe(
      "Share of all units that is kept without the feature for comparison, in basis points.",
    ).default(0),
    epoch: z
      .number()
      .int()
      .min(1)
      .default(1)
      .describe("Number of times a person opened the feature. Evidence never crosses epochs."),
    version: z
      .number()
      .int()
      .min(1)
      .describe("Number of changes of the feature and its rule. The admin API's ETag."),
    unit: z
      .enum(["visitor", "user"])
      .describe(
        "Who is assigned and counted: `visitor` is the browser that has the cookie, whoever signs in. `user` is the signed-in user (`UNIT_FROM`); for everybody else the feature is off, and nothing is counted.",
      )
      .default("visitor"),
    failureMode: z
      .enum(["static", "closed"])
      .describe(
        "What the feature does at an edge whose snapshot is older than `MAX_STALE_MS`: `static` keeps it as it was, `closed` closes it.",
      )
      .default("static"),
    private: z
      .boolean()
      .describe(
        "Whether only holders of a server key and of a preview link hear of the feature by `/.sluice/explain`, `/.sluice/overlay` and OpenFeature. Pages and the upstream get it as any other.",
      )
      .default(false),
    targeting: orNone(Targeting).describe(
      "Conditions on a request. A unit that is not targeted does not get the feature and is not compared. `null`: everyone is targeted.",
    ),
    routes: z.array(Route).describe("Where the feature applies. None: everywhere.").default([]),
    gate: orNone(Gate).describe(
      "What the feature does to a request beyond the header for the upstream. `null`: only the header.",
    ),
    activation: orNone(Activation).describe(
      "The request that counts as the unit's activation. `null`: only spans and page events tell it.",
    ),
  })
  .refine((state) => state.rolloutBps + state.holdoutBps <= 10_000, {
    path: ["holdoutBps"],
    message: "rolloutBps + holdoutBps must be at most 10000",
  });
export type FeatureState = z.infer<typeof FeatureState>;
