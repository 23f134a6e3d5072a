// Whether this process has the keys with which units of the present epochs are stored. Without one the telemetry of its features is
// refused for now, so this is no reason to turn the process, and with it all other telemetry, away.
import type { Queryable } from "../../db/pool.ts";
import type { HealthCheck } from "../../runtime/health.ts";
import type { PseudonymKeys } from "./pseudonym-keys.ts";

const MOST_NAMED = 5;

export const pseudonymCheck = (db: Queryable, pseudonyms: Pick<PseudonymKeys, "lacks">): HealthCheck => ({
  id: "pseudonyms",
  run: async () => {
    const { rows } = await db.query<{ kid: string; features: string[] }>(
      `select e.kid, array_agg(e.feature_id order by e.feature_id) as features
       from epoch_pseudonyms e join feature_flags f using (feature_id, epoch)
       where e.kid is not null group by e.kid order by e.kid`,
    );
    const lacking = [];
    for (const row of rows) if (await pseudonyms.lacks(row.kid)) lacking.push(row);
    if (lacking.length === 0) return [{ status: "ok", summary: "every key of pseudonyms in use is here" }];
    return lacking.map(({ kid, features }) => ({
      status: "failing",
      subject: "PSEUDONYM_KEYS",
      summary: `lacks ${kid}: telemetry of ${features.slice(0, MOST_NAMED).join(", ")}${
        features.length > MOST_NAMED ? ` and ${features.length - MOST_NAMED} more` : ""
      } is refused for now, that of other features is taken`,
      todo: "give every origin the key again; if it is lost, open these features again: a new epoch begins with the first key",
    }));
  },
});
