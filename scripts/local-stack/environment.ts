// What `npm start` and the demo take from the environment. The origin's variables are checked by the origin's own
// schema before anything is started, so a wrong value is one clear line and not a half-started stack.
import { z } from "zod";
import { parseConfig, whole } from "../../origin/config.ts";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { err, ok, type Result } from "../../shared/result.ts";

const Ports = z.object({
  EDGE_PORT: whole(1, 65_535, 8787),
  ORIGIN_PORT: whole(1, 65_535, 8080),
  SHOP_PORT: whole(1, 65_535, 8788),
  WATCH_MS: whole(10, 25_000, 1_000),
  MAX_STALE_MS: whole(10, 3_600_000, 2_000),
  COOKIE_KEYS: KeyRing.optional(),
  /** A site of one's own instead of the demo shop. */
  UPSTREAM_URL: z
    .url({ protocol: /^https?$/, error: "must be a URL starting with http:// or https://" })
    .optional(),
});

const ORIGIN_VARIABLES = [
  "DATABASE_URL",
  "DATABASE_REPLICA_URL",
  "REDIS_URL",
  "EDGE_URLS",
  "PUSH_KEYS",
  "ADMIN_TOKEN",
  "INGEST_TOKEN",
  "ROLES",
  "EVALUATE_EVERY_MS",
  "CAPTCHA_THRESHOLD",
  "LOG_LEVEL",
];
const EDGE_VARIABLES = [
  "WATCH_MS",
  "MAX_STALE_MS",
  "COOKIE_KEYS",
  "UPSTREAM_URL",
  "UNIT_FROM",
  "CONSENT",
  "JWT_KEY_SET",
  "JWT_FROM",
  "JWT_ISSUER",
  "JWT_AUDIENCE",
  "CAPTCHA_PROVIDER",
  "CAPTCHA_SECRET",
  "CAPTCHA_VERIFY_URL",
  "CAPTCHA_THRESHOLD",
];

/** Stands for the keys that the stack makes when none are given. */
const NOT_YET_MADE = "made:not-yet-made";

type Environment = Readonly<Record<string, string | undefined>>;

const pick = (environment: Environment, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name];
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );

export type StackEnvironment = {
  readonly ports: { readonly edge: number; readonly origin: number; readonly shop: number };
  readonly dataDir: string;
  readonly originEnv: Record<string, string>;
  readonly edgeVars: Record<string, string>;
};

/** On failure one line per wrong variable: its name and what is allowed, never its value. */
export const parseStackEnvironment = (environment: Environment): Result<StackEnvironment, string[]> => {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const ports = Ports.safeParse(set);
  const originEnv = pick(environment, ORIGIN_VARIABLES);
  const origin = parseConfig({ PUSH_KEYS: NOT_YET_MADE, ...originEnv, ORIGIN_PORT: set["ORIGIN_PORT"] });
  const problems = new Map<string, string>();
  for (const issue of ports.error?.issues ?? []) problems.set(String(issue.path[0]), issue.message);
  if (!origin.ok) for (const { variable, problem } of origin.error) problems.set(variable, problem);
  if (!ports.success || !origin.ok || problems.size > 0) {
    return err([...problems].map(([variable, problem]) => `${variable} ${problem}`));
  }
  return ok({
    ports: { edge: ports.data.EDGE_PORT, origin: ports.data.ORIGIN_PORT, shop: ports.data.SHOP_PORT },
    dataDir: set["DATA_DIR"] ?? ".data",
    originEnv: { LOG_LEVEL: "warn", ...originEnv },
    edgeVars: pick(environment, EDGE_VARIABLES),
  });
};
