// What a stack's process and its starter say to each other.
import { z } from "zod";
import { Secrets } from "./secrets.ts";

export const StackProcessOptions = z.object({
  dataDir: z.string(),
  ports: z.object({ edge: z.number(), origin: z.number(), shop: z.number() }),
  originEnv: z.record(z.string(), z.string()),
  edgeVars: z.record(z.string(), z.string()),
});
export type StackProcessOptions = z.infer<typeof StackProcessOptions>;

export const StackProcessAnswer = z.discriminatedUnion("state", [
  z.object({
    state: z.literal("running"),
    edgeUrl: z.string(),
    originUrl: z.string(),
    upstreamUrl: z.string(),
    /** false where UPSTREAM_URL names another site. */
    hasShop: z.boolean(),
    secrets: Secrets,
  }),
  z.object({ state: z.literal("failed"), reason: z.string() }),
]);
export type StackProcessAnswer = z.infer<typeof StackProcessAnswer>;
