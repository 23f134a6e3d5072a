// How far delivery is behind, for /metrics: what the outbox still holds, beside the newest revision.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import type { Metrics } from "../../runtime/metrics.ts";

const Outbox = z.object({ revision: z.number(), pending: z.number(), ageSeconds: z.number() });

export const reportOutbox = async (
  db: Queryable,
  metrics: Pick<Metrics, "revision" | "outboxPending" | "outboxAgeSeconds">,
): Promise<void> => {
  const { rows } = await db.query(
    `select h.revision, count(o.id)::integer as pending,
            coalesce(extract(epoch from clock_timestamp() - min(o.created_at)), 0)::double precision as "ageSeconds"
     from state_head h left join outbox o on o.done_at is null
     group by h.revision`,
  );
  const { revision, pending, ageSeconds } = Outbox.parse(rows[0]);
  metrics.revision.set(revision);
  metrics.outboxPending.set(pending);
  metrics.outboxAgeSeconds.set(Math.max(0, ageSeconds));
};
