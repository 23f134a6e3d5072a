// What `npm start` and the demo take from the environment: every variable of the origin and of the edge, checked by
// their own schemas before anything is started, so that a wrong value is one clear line and not a half-started stack.
import { z } from "zod";
import { parseConfig as parseEdgeConfig, Variables as EdgeVariables } from "../../edge/config.ts";
import { parseConfig as parseOriginConfig } from "../../origin/environment/parse-config.ts";
import { Variables as OriginVariables } from "../../origin/environment/variables.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { listeningPort, parseVariables, variableErrorText, withoutEmpty } from "../../shared/variables.ts";

/** What only the stack itself reads, with the text that docs/reference/environment.md shows. */
export const Variables = z.object({
  EDGE_PORT: listeningPort(8787).describe("Port of the edge."),
  SHOP_PORT: listeningPort(8788).describe("Port of the demo shop. Not used with `UPSTREAM_URL`."),
});

/** Stand for the keys that the stack makes when none are given. */
const KEYS_TO_BE_MADE = {
  PUSH_KEYS: "made:these-push-keys-are-made-at-the-first-start",
  COOKIE_KEYS: "made:these-cookie-keys-are-made-at-the-first-start",
};

type Environment = Readonly<Record<string, string | undefined>>;

export type StackEnvironment = {
  readonly ports: { readonly edge: number; readonly origin: number; readonly shop: number };
  /** Absolute. */
  readonly dataDir: string;
  /** What is set of the origin's variables, and of the edge's. */
  readonly originEnv: Readonly<Record<string, string>>;
  readonly edgeVars: Readonly<Record<string, string>>;
};

/** What is set of the variables that the schema reads. */
const only = (schema: z.ZodObject, set: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(set).filter(([name]) => name in schema.shape));

/** On failure one line per wrong variable: its name and what is allowed, never its value. */
export const parseStackEnvironment = (environment: Environment): Result<StackEnvironment, string[]> => {
  const set = withoutEmpty(environment);
  const originEnv = only(OriginVariables, set);
  const edgeVars = only(EdgeVariables, set);
  const ports = parseVariables(Variables, set);
  const origin = parseOriginConfig({ ...KEYS_TO_BE_MADE, ...originEnv });
  const edge = parseEdgeConfig({ ...KEYS_TO_BE_MADE, ...edgeVars });
  if (!ports.ok || !origin.ok || !edge.ok) {
    const errors = [ports, origin, edge].flatMap((part) => (part.ok ? [] : part.error));
    return err([...new Set(errors.map(variableErrorText))]);
  }
  return ok({
    ports: { edge: ports.value.EDGE_PORT, origin: origin.value.ORIGIN_PORT, shop: ports.value.SHOP_PORT },
    dataDir: origin.value.DATA_DIR,
    originEnv: { LOG_LEVEL: "warn", ...originEnv },
    edgeVars,
  });
};
