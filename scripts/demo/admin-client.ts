// The demo's view of the admin API: what an operator's script would call with curl.
import { z } from "zod";

const Evaluation = z.object({
  at: z.coerce.date(),
  epoch: z.number(),
  action: z.enum(["KEEP", "ROLLBACK", "WAIT"]),
  state: z.string(),
  decision: z.looseObject({ reason: z.string() }),
});
export type Evaluation = z.infer<typeof Evaluation>;

const Feature = z.looseObject({ enabled: z.boolean(), epoch: z.number() });

const Signals = z.looseObject({
  cohorts: z.object({
    treatment: z.looseObject({ exposed: z.number() }),
    holdout: z.looseObject({ exposed: z.number() }),
  }),
  latest: Evaluation.nullable(),
});

const Audit = z.looseObject({
  entries: z.array(
    z.looseObject({ at: z.coerce.date(), action: z.string(), reason: z.string(), revision: z.number() }),
  ),
});

type Json = Readonly<Record<string, unknown>>;
export type DemoFeature = {
  readonly featureId: string;
  readonly rolloutBps: number;
  readonly state: Json;
  readonly rule: Json;
};

export const makeAdminClient = (originUrl: string, token: string) => {
  const call = async (method: string, path: string, body?: Json, ifMatch?: string | null) => {
    const response = await fetch(`${originUrl}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(ifMatch == null ? {} : { "if-match": ifMatch }) },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const json: unknown = await response.json();
    return { status: response.status, etag: response.headers.get("etag"), json };
  };
  const must = async (method: string, path: string, body?: Json, ifMatch?: string | null) => {
    const answer = await call(method, path, body, ifMatch);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.json)}`);
    return answer;
  };
  return {
    /** Creates the feature and opens it; one that an earlier run left is opened again with fresh evidence. */
    open: async ({ featureId, rolloutBps, state, rule }: DemoFeature): Promise<void> => {
      const path = `/features/${featureId}`;
      const existing = await call("GET", path);
      if (existing.status === 404) {
        await must("POST", "/features", { featureId, rolloutBps, ...state });
      } else {
        if (Feature.parse(existing.json).enabled)
          await must("POST", `${path}/rollback`, { reason: "the demo starts again" });
        const { etag } = await call("GET", path);
        await must("PUT", path, state, etag);
      }
      const { etag } = await call("GET", path);
      await must("PUT", `${path}/rule`, rule, etag);
      await must("POST", `${path}/enable`, { reason: "the demo", rolloutBps });
    },
    /** Closes the feature where it is open. Says whether it was. */
    close: async (featureId: string): Promise<boolean> => {
      const path = `/features/${featureId}`;
      const existing = await call("GET", path);
      if (existing.status === 404 || !Feature.parse(existing.json).enabled) return false;
      await must("POST", `${path}/rollback`, { reason: "the demo is over" });
      return true;
    },
    signals: async (featureId: string) =>
      Signals.parse((await must("GET", `/features/${featureId}/signals`)).json),
    /** The newest rollback of the feature. */
    lastRollback: async (featureId: string) =>
      Audit.parse((await must("GET", `/audit?featureId=${featureId}&limit=20`)).json).entries.find(
        (entry) => entry.action === "rollback",
      ),
  };
};
