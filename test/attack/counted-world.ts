// A world whose database a test can ask: who was counted as exposed, and who acted.
import { makeTestDatabase } from "../support/database.ts";
import { RULE } from "./story.ts";
import { startWorld, type World } from "./world.ts";

export type CountedWorld = World & {
  /** Opens the feature on its own paths, with a rule in shadow. */
  readonly open: (featureId: string, state?: object, rolloutBps?: number) => Promise<void>;
  readonly exposedUnits: (featureId: string) => Promise<string[]>;
  readonly activatedUnits: (featureId: string) => Promise<string[]>;
  /** Traces of the feature in `otel_spans`. */
  readonly countRawTraces: (featureId: string) => Promise<number>;
};

export const startCountedWorld = async (
  options: { edgeVars?: Record<string, string>; originEnv?: Record<string, string> } = {},
): Promise<CountedWorld> => {
  const database = await makeTestDatabase();
  const { originEnv, edgeVars = {} } = options;
  const world = await startWorld({
    edgeVars,
    // Tests look units up by the ids that they were given.
    originEnv: { DATABASE_URL: database.url, UNIT_IDS: "raw", ...originEnv },
  });
  const units = async (table: "feature_exposures" | "user_actions", featureId: string): Promise<string[]> => {
    const { rows } = await database.pool.query<{ user_id: string }>(
      `select distinct user_id from ${table} where feature_id = $1`,
      [featureId],
    );
    return rows.map(({ user_id: unit }) => unit).toSorted();
  };
  return {
    ...world,
    open: (featureId, state = {}, rolloutBps = 10_000) =>
      world.launch({
        featureId,
        rolloutBps,
        state: {
          holdoutBps: 0,
          routes: [{ path: `/${featureId}/*` }],
          activation: { path: `/${featureId}/act`, method: "POST" },
          ...state,
        },
        rule: { ...RULE, mode: "shadow" },
      }),
    exposedUnits: (featureId) => units("feature_exposures", featureId),
    activatedUnits: (featureId) => units("user_actions", featureId),
    countRawTraces: async (featureId) => {
      const { rows } = await database.pool.query<{ traces: string }>(
        "select count(distinct trace_id) as traces from otel_spans where feature_id = $1",
        [featureId],
      );
      return Number(rows[0]?.traces);
    },
    stop: async () => {
      await world.stop();
      await database.drop();
    },
  };
};

/** The feature's page, below the paths on which it was opened. */
export const pageOf = (featureId: string): string => `/${featureId}/page`;
