// The Worker's environment, parsed once an isolate. A wrong variable is named; the site is then served ungated.
import { z } from "zod";
import { KeyRing } from "../shared/keys.ts";
import { err, ok, type Result } from "../shared/result.ts";
import type { Hub } from "./state/hub.ts";
import type { Replica } from "./state/replica.ts";

/** Bindings of wrangler.toml. Variables and secrets are strings until parsed. */
export type Env = {
  readonly FEATURES: KVNamespace;
  readonly HUB: DurableObjectNamespace<Hub>;
  readonly REPLICA: DurableObjectNamespace<Replica>;
  readonly [variable: string]: unknown;
};

const base = z
  .string()
  .regex(/^https?:\/\/[^/?#]+(\/[^?#]*)?$/, "must be an http(s) URL without query")
  .transform((url) => url.replace(/\/+$/, ""));

const positiveMs = z.coerce.number("must be a number of ms").int().min(50).max(20_000);

const Config = z.object({
  /** Where the site is. Empty: the Worker runs on a route before the site, which is then reached by its own URL. */
  UPSTREAM_URL: z
    .string()
    .pipe(z.union([z.literal(""), base], "must be empty or an http(s) URL without query"))
    .default(""),
  /** Where telemetry goes. Empty: nowhere. */
  ORIGIN_URL: z
    .string()
    .pipe(z.union([z.literal(""), base], "must be empty or an http(s) URL without query"))
    .default(""),
  INGEST_TOKEN: z.string().default(""),
  PUSH_KEYS: KeyRing,
  COOKIE_KEYS: KeyRing,
  WATCH_MS: positiveMs.default(1_000),
  MAX_STALE_MS: positiveMs.default(2_000),
  /** How many replicas share the isolates of one location. */
  REPLICA_SHARDS: z.coerce.number("must be a number").int().min(1).max(64).default(1),
  DEBUG_HEADERS: z.enum(["on-request", "always"]).default("on-request"),
});
export type Config = z.infer<typeof Config>;

/** The error names each wrong variable and what is allowed, and repeats no value: it may be a secret. */
export const parseConfig = (env: object): Result<Config, string> => {
  const parsed = Config.safeParse(env);
  if (parsed.success) return ok(parsed.data);
  return err(parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "));
};
